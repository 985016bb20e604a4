//! What a row says of a run's detail, as far as reports of unit costs need it: what was used, and which events were charged.
//! Present only where an export has all of these columns. What that comes to a unit is the reports' to say.

use std::collections::BTreeMap;

use arrow_array::{Decimal128Array, Int64Array, StringArray};
use serde_json::value::RawValue;

use super::column_set::ColumnSet;
use super::run_columns::{RunColumns, value_at};
use super::schema::{COLUMNS, col};
use crate::money::{SCALE, Usd};

/// The details of one run. `None` is NULL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowDetail<'a> {
    /// In 10^-18.
    pub compute_units: Option<i128>,
    pub duration_millis: Option<i64>,
    /// As compact JSON; see [`charged_events`].
    pub charged_event_counts: Option<&'a str>,
    /// US dollars of platform usage: the sum of the known meters. `None` where that has more than 38 digits.
    pub metered: Option<Usd>,
}

/// The names of its columns.
pub fn detail_columns() -> impl Iterator<Item = &'static str> {
    let others = [col::DURATION_MILLIS, col::CHARGED_EVENT_COUNTS];
    let all = (col::FIRST_METER..=col::COMPUTE_UNITS).chain(others);
    all.map(|at| COLUMNS[at].name)
}

/// Whether rows of these columns have details.
pub fn have_details(columns: &ColumnSet) -> bool {
    detail_columns().all(|name| columns.position(name).is_some())
}

/// Its columns of a batch.
pub(super) struct DetailColumns<'a> {
    compute_units: &'a Decimal128Array,
    durations: &'a Int64Array,
    event_counts: &'a StringArray,
    meters: Vec<&'a Decimal128Array>,
}

impl<'a> DetailColumns<'a> {
    /// `None` where one of them is absent.
    pub(super) fn of(columns: RunColumns<'a>) -> Option<DetailColumns<'a>> {
        let meters = (col::FIRST_METER..col::COMPUTE_UNITS).map(|at| columns.decimals(COLUMNS[at].name));
        Some(DetailColumns {
            compute_units: columns.decimals("compute_units")?,
            durations: columns.integers("duration_millis")?,
            event_counts: columns.text("charged_event_counts")?,
            meters: meters.collect::<Option<_>>()?,
        })
    }

    pub(super) fn at(&self, row: usize) -> RowDetail<'a> {
        let mut meters = self.meters.iter().filter_map(|meter| value_at(Some(*meter), row));
        RowDetail {
            compute_units: value_at(Some(self.compute_units), row),
            duration_millis: value_at(Some(self.durations), row),
            charged_event_counts: value_at(Some(self.event_counts), row),
            metered: meters.try_fold(Usd::default(), |sum, usd| sum.checked_add(Usd(usd))),
        }
    }
}

/// The events of `charged_event_counts` that were charged, by their names; `None` where the text is no object of counts.
pub fn charged_events(json: &str) -> Option<Vec<(String, u64)>> {
    let counts: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let count = |(name, raw): (String, &RawValue)| Some((name, whole_count(raw.get())?));
    let counts: Option<Vec<_>> = counts.into_iter().map(count).collect();
    let mut counts = counts?;
    counts.retain(|(_, count)| *count > 0);
    // In CSV, a name without letters could not be told from none.
    counts.iter().all(|(name, _)| !name.is_empty()).then_some(counts)
}

/// A count is the same number however it is written: `100` or `1e2`.
fn whole_count(raw: &str) -> Option<u64> {
    const ONE: i128 = 10_i128.pow(SCALE);
    let Usd(units) = Usd::from_json_number(raw).ok()?;
    if units % ONE != 0 {
        return None;
    }
    u64::try_from(units / ONE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_their_counts_are_written() {
        let events = |json: &str| charged_events(json);
        let some = |events: &[(&str, u64)]| {
            let events = events.iter().map(|(name, count)| (name.to_string(), *count));
            Some(events.collect::<Vec<_>>())
        };
        assert_eq!(
            events(r#"{"page":1e2,"é":2.0,"none":0}"#),
            some(&[("page", 100), ("é", 2)])
        );
        assert_eq!(events(r#"{"most":18446744073709551615}"#), some(&[("most", u64::MAX)]));
        assert_eq!(events("{}"), some(&[]));
        for json in [
            "",
            "[]",
            r#"{"page":"1"}"#,
            r#"{"page":1.5}"#,
            r#"{"page":-1}"#,
            r#"{"page":null}"#,
            r#"{"page":18446744073709551616}"#,
            r#"{"":1}"#,
        ] {
            assert_eq!(events(json), None, "{json}");
        }
    }

    #[test]
    fn details_are_there_only_with_all_of_their_columns() {
        assert!(have_details(&ColumnSet::all(true)));
        assert!(!have_details(&ColumnSet::all(false)));
        for name in detail_columns() {
            let some = ColumnSet::from_args(&[], &[name.into()], true).unwrap();
            assert!(!have_details(&some), "{name}");
        }
    }
}
