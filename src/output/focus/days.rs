//! Runs that started on one day in UTC, added up by Actor, task, status and user, and as the columns that FOCUS rows are made
//! from. The groups of one day are in memory, never its runs. Not which runs have a charge, nor how rows are written.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::focus::billing_period::BillingPeriods;
use crate::output::focus::charge::{Charge, DAY_S};
use crate::output::focus::rows::non_empty;
use crate::runs::cost_state::{PROVISIONAL, SETTLED};
use crate::runs::row::Row;
use crate::runs::schema::{USD_PRECISION, USD_SCALE};

/// The runs of a day that have the same Actor, task, status and user. No text is empty.
struct DayGroup {
    charge: Charge,
    act_id: String,
    act_name: Option<String>,
    task_id: Option<String>,
    task_name: Option<String>,
    status: String,
    user_id: Option<String>,
    /// That of all its runs; none where they differ.
    origin: Option<String>,
    is_provisional: bool,
    usage: Usd,
}

/// The groups of a day, in the order in which their first runs started.
#[derive(Default)]
pub(super) struct DayGroups {
    /// Days since the epoch.
    day: Option<i64>,
    groups: Vec<DayGroup>,
    /// The place of each group by its key.
    places: HashMap<Vec<u8>, usize>,
    /// The key of the run that is being added: kept, so that few runs need a new one.
    key: Vec<u8>,
}

impl DayGroups {
    /// Whether a run's day follows the one of these groups, which is then complete: to be taken before the run is added.
    ///
    /// # Errors
    /// [`Error::Untrusted`] where it is an earlier day, whose rows are written.
    pub(super) fn ends_before(&self, run: &Row) -> Result<bool> {
        let day = day_of(run);
        match self.day {
            Some(open) if day < open => Err(Error::Untrusted(format!(
                "run {} is not in order of started_at, so its day cannot be added up",
                run.id
            ))),
            open => Ok(open.is_some_and(|open| open < day)),
        }
    }

    /// Adds a run of the same day, or the first of another.
    ///
    /// # Errors
    /// [`Error::Untrusted`] for a day outside the years 0 to 9999, or a sum that has too many digits.
    pub(super) fn add(&mut self, run: &Row, usage: Usd, periods: &mut BillingPeriods) -> Result<()> {
        let period = periods.period_of(run.started_at_ms);
        let day = day_of(run);
        self.day = Some(day);
        let (task_id, user_id) = (non_empty(run.actor_task_id), non_empty(run.user_id));
        self.key.clear();
        for text in [Some(run.act_id), task_id, Some(run.status), user_id] {
            // A length before each text, so that no two keys are the same by their texts' edges.
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            self.key.extend(length.to_le_bytes());
            self.key.extend(text.unwrap_or_default().as_bytes());
        }
        // A billing cycle could begin within a day.
        self.key.extend(period.map_or(0, |period| period.start_s).to_le_bytes());
        let place = match self.places.get(&self.key) {
            Some(place) => *place,
            None => {
                let charge = Charge::of_day(run, day, period)?;
                self.groups.push(DayGroup::new(run, charge));
                self.places.insert(self.key.clone(), self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        self.groups[place].add(run, usage)
    }

    /// The groups as columns of an export without `id` and `started_at`, and their charges; afterwards there are none.
    pub(super) fn take(&mut self) -> Result<(RecordBatch, Vec<Charge>), ArrowError> {
        let groups = std::mem::take(&mut self.groups);
        self.places.clear();
        let text = |of: fn(&DayGroup) -> Option<&str>| -> ArrayRef {
            Arc::new(groups.iter().map(of).collect::<StringArray>())
        };
        let usages = Decimal128Array::from_iter_values(groups.iter().map(|group| group.usage.0));
        let usages: ArrayRef = Arc::new(usages.with_precision_and_scale(USD_PRECISION, USD_SCALE)?);
        let state = |group: &DayGroup| Some(if group.is_provisional { PROVISIONAL } else { SETTLED });
        let states: ArrayRef = Arc::new(groups.iter().map(state).collect::<StringArray>());
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("act_id", text(|group| Some(&group.act_id)), false),
            ("user_id", text(|group| group.user_id.as_deref()), true),
            ("actor_task_id", text(|group| group.task_id.as_deref()), true),
            ("status", text(|group| Some(&group.status)), false),
            ("meta_origin", text(|group| group.origin.as_deref()), true),
            ("usage_total_usd", usages, false),
            ("cost_state", states, false),
            ("act_name", text(|group| group.act_name.as_deref()), true),
            ("actor_task_name", text(|group| group.task_name.as_deref()), true),
        ])?;
        Ok((batch, groups.into_iter().map(|group| group.charge).collect()))
    }
}

impl DayGroup {
    /// Of no run so far; texts are the first run's.
    fn new(run: &Row, charge: Charge) -> DayGroup {
        let owned = |text: Option<&str>| non_empty(text).map(String::from);
        DayGroup {
            charge,
            act_id: run.act_id.into(),
            act_name: owned(run.act_name),
            task_id: owned(run.actor_task_id),
            task_name: owned(run.actor_task_name),
            status: run.status.into(),
            user_id: owned(run.user_id),
            origin: owned(run.origin),
            is_provisional: false,
            usage: Usd::default(),
        }
    }

    fn add(&mut self, run: &Row, usage: Usd) -> Result<()> {
        super::add(&mut self.usage, usage)?;
        self.charge.runs += 1;
        self.is_provisional |= run.cost_state == PROVISIONAL;
        if self.origin.as_deref() != non_empty(run.origin) {
            self.origin = None;
        }
        Ok(())
    }
}

fn day_of(run: &Row) -> i64 {
    run.started_at_ms.div_euclid(DAY_S * 1000)
}
