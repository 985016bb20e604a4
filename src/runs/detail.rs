//! What a run's detail knows beyond the list: its cost where the list has none, and what that cost is made of. As a value,
//! and as columns of a page. Knows neither how it is asked for nor of which runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::Schema;

use super::cost_state::is_terminal;
use super::run_columns::{RunColumns, value_at};
use super::schema::{COLUMNS, DETAIL, Kind, METERS, USD_PRECISION, USD_SCALE, col};
use crate::money::Usd;

/// By how much, in 10^-18 dollars, the meters' sum may differ from the total: both were doubles, added in any order.
const ROUNDING: u128 = 1_000_000_000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunDetail {
    /// At the time of the request for the detail.
    pub status: String,
    pub finished_at_ms: Option<i64>,
    pub usage: Option<Usd>,
    pub metering: Metering,
}

/// The columns that only details have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metering {
    /// `usageUsd`, in the order of the columns.
    pub meters: [Option<Usd>; METERS],
    /// In 10^-18.
    pub compute_units: Option<i128>,
    pub memory_mbytes: Option<i64>,
    pub duration_millis: Option<i64>,
    pub resurrect_count: Option<i64>,
    pub pricing_model: Option<String>,
    /// As compact JSON.
    pub charged_event_counts: Option<String>,
    pub max_total_charge: Option<Usd>,
}

impl RunDetail {
    pub fn meters_disagree(&self) -> bool {
        self.usage.is_some_and(|usage| self.metering.disagrees_with(usage))
    }

    /// Whether the run has ended, and costs as much as it was allowed to.
    pub fn has_reached_its_limit(&self) -> bool {
        let limit = self.metering.max_total_charge.filter(|limit| limit.0 > 0);
        let reaches = |(usage, limit): (Usd, Usd)| usage.0 >= limit.0 || usage.0.abs_diff(limit.0) <= ROUNDING;
        is_terminal(&self.status) && self.usage.zip(limit).is_some_and(reaches)
    }
}

impl Metering {
    /// Whether the meters add up to another amount than a total; not where there is nothing to add up.
    fn disagrees_with(&self, total: Usd) -> bool {
        let known: Vec<i128> = self.meters.iter().flatten().map(|usd| usd.0).collect();
        let sum = known.iter().try_fold(0i128, |sum, usd| sum.checked_add(*usd));
        !known.is_empty() && sum.is_none_or(|sum| sum.abs_diff(total.0) > ROUNDING)
    }
}

/// A page in which rows that have a detail take status, finish and cost from it, which was asked later: cost where it has
/// one, and the others along with that. With `metered`, its own columns follow, NULL for the rows without.
pub fn with_details(page: &RecordBatch, details: &BTreeMap<u32, RunDetail>, metered: bool) -> RecordBatch {
    let mut columns = page.columns().to_vec();
    let mut fields: Vec<_> = page.schema().fields().iter().cloned().collect();
    if details.values().any(|detail| detail.usage.is_some()) {
        let later = |row: usize| details.get(&(row as u32)).filter(|detail| detail.usage.is_some());
        columns[col::STATUS] = statuses(page, later);
        columns[col::FINISHED_AT] = finishes(page, later);
        columns[col::USAGE_TOTAL_USD] = usages(page, later);
    }
    if metered {
        let metering = |row: u32| details.get(&row).map(|detail| &detail.metering);
        columns.extend(DETAIL.map(|at| detail_column(at, (0..page.num_rows() as u32).map(metering))));
        fields.extend(DETAIL.map(|at| Arc::new(COLUMNS[at].field())));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("every column has a value for each row")
}

fn statuses<'d>(page: &RecordBatch, later: impl Fn(usize) -> Option<&'d RunDetail>) -> ArrayRef {
    let listed = RunColumns(page).text("status").expect("a page has it");
    let status = |row| later(row).map_or(listed.value(row), |detail| &detail.status);
    Arc::new(StringArray::from_iter_values((0..page.num_rows()).map(status)))
}

fn finishes<'d>(page: &RecordBatch, later: impl Fn(usize) -> Option<&'d RunDetail>) -> ArrayRef {
    let column = RunColumns(page).instants("finished_at");
    let finished_at = |row| {
        let listed = value_at(column, row);
        // A detail of a run that has ended may lack the instant that the list has.
        let kept = |detail: &RunDetail| listed.filter(|_| is_terminal(&detail.status));
        later(row).map_or(listed, |detail| detail.finished_at_ms.or_else(|| kept(detail)))
    };
    let finishes = TimestampMillisecondArray::from_iter((0..page.num_rows()).map(finished_at));
    Arc::new(finishes.with_timezone("UTC"))
}

fn usages<'d>(page: &RecordBatch, later: impl Fn(usize) -> Option<&'d RunDetail>) -> ArrayRef {
    let listed = RunColumns(page).decimals("usage_total_usd");
    let usage = |row| {
        let detailed = later(row).and_then(|detail| detail.usage);
        detailed.map_or_else(|| value_at(listed, row), |usd| Some(usd.0))
    };
    decimals((0..page.num_rows()).map(usage))
}

/// One of a detail's own columns.
fn detail_column<'d>(at: usize, rows: impl Iterator<Item = Option<&'d Metering>>) -> ArrayRef {
    match COLUMNS[at].kind {
        Kind::Usd | Kind::Decimal => decimals(rows.map(|metering| metering?.decimal(at))),
        Kind::Instant => unreachable!("no detail's own column is an instant"),
        Kind::Integer => Arc::new(rows.map(|metering| metering?.integer(at)).collect::<Int64Array>()),
        Kind::Text => Arc::new(rows.map(|metering| metering?.text(at)).collect::<StringArray>()),
    }
}

fn decimals(values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
    let decimals = values
        .collect::<Decimal128Array>()
        .with_precision_and_scale(USD_PRECISION, USD_SCALE);
    Arc::new(decimals.expect("the column's own precision is valid"))
}

impl Metering {
    fn decimal(&self, at: usize) -> Option<i128> {
        match at {
            col::COMPUTE_UNITS => self.compute_units,
            col::MAX_TOTAL_CHARGE_USD => self.max_total_charge.map(|usd| usd.0),
            meter => self.meters.get(meter - col::FIRST_METER)?.map(|usd| usd.0),
        }
    }

    fn integer(&self, at: usize) -> Option<i64> {
        match at {
            col::MEMORY_MBYTES => self.memory_mbytes,
            col::DURATION_MILLIS => self.duration_millis,
            col::RESURRECT_COUNT => self.resurrect_count,
            _ => None,
        }
    }

    fn text(&self, at: usize) -> Option<&str> {
        match at {
            col::PRICING_MODEL => self.pricing_model.as_deref(),
            col::CHARGED_EVENT_COUNTS => self.charged_event_counts.as_deref(),
            _ => None,
        }
    }

    /// A row's, from columns by their names; what isn't there is NULL.
    pub fn from_row(rows: &RecordBatch, row: usize) -> Metering {
        let columns = RunColumns(rows);
        let decimal = |at: usize| value_at(columns.decimals(COLUMNS[at].name), row);
        let integer = |at: usize| value_at(columns.integers(COLUMNS[at].name), row);
        let text = |at: usize| value_at(columns.text(COLUMNS[at].name), row).map(String::from);
        Metering {
            meters: std::array::from_fn(|meter| decimal(col::FIRST_METER + meter).map(Usd)),
            compute_units: decimal(col::COMPUTE_UNITS),
            memory_mbytes: integer(col::MEMORY_MBYTES),
            duration_millis: integer(col::DURATION_MILLIS),
            resurrect_count: integer(col::RESURRECT_COUNT),
            pricing_model: text(col::PRICING_MODEL),
            charged_event_counts: text(col::CHARGED_EVENT_COUNTS),
            max_total_charge: decimal(col::MAX_TOTAL_CHARGE_USD).map(Usd),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal128Type, TimestampMillisecondType};

    use super::*;
    use crate::api::page::decode;

    fn page() -> RecordBatch {
        let run = |id: &str, more: &str| {
            format!(r#"{{"id":"{id}","actId":"a","status":"RUNNING","startedAt":"2025-09-01T00:00:00.000Z"{more}}}"#)
        };
        let items = [run("x", ""), run("y", r#","usageTotalUsd":1"#), run("z", "")];
        let body = format!(r#"{{"data":{{"total":3,"items":[{}]}}}}"#, items.join(","));
        decode(body.as_bytes()).unwrap().runs
    }

    fn detail(usage: Option<i128>) -> RunDetail {
        RunDetail {
            status: "SUCCEEDED".into(),
            finished_at_ms: Some(7),
            usage: usage.map(Usd),
            metering: Metering {
                meters: std::array::from_fn(|at| (at == 1).then_some(Usd(5))),
                resurrect_count: Some(2),
                pricing_model: Some("PAY_PER_EVENT".into()),
                max_total_charge: Some(Usd(9)),
                ..Metering::default()
            },
        }
    }

    #[test]
    fn a_detail_with_a_cost_replaces_what_the_list_said_and_one_without_leaves_it() {
        let details = BTreeMap::from([(0, detail(Some(9))), (2, detail(None))]);
        let patched = with_details(&page(), &details, true);
        let usage = patched.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>();
        assert_eq!(
            usage.iter().collect::<Vec<_>>(),
            [Some(9), Some(1_000_000_000_000_000_000), None]
        );
        let statuses: Vec<_> = patched
            .column(col::STATUS)
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect();
        assert_eq!(statuses, ["SUCCEEDED", "RUNNING", "RUNNING"]);
        let finished = patched
            .column(col::FINISHED_AT)
            .as_primitive::<TimestampMillisecondType>();
        assert_eq!(finished.iter().collect::<Vec<_>>(), [Some(7), None, None]);
        assert_eq!(Metering::from_row(&patched, 0), detail(None).metering);
        assert_eq!(Metering::from_row(&patched, 2), detail(None).metering);
        assert_eq!(Metering::from_row(&patched, 1), Metering::default());
    }

    #[test]
    fn a_run_that_has_ended_reaches_its_limit_but_for_what_doubles_round() {
        let reaches = |status: &str, usage: Option<i128>, limit: Option<i128>| {
            let metering = Metering {
                max_total_charge: limit.map(Usd),
                ..Metering::default()
            };
            let run = RunDetail {
                status: status.into(),
                metering,
                ..detail(usage)
            };
            run.has_reached_its_limit()
        };
        let dollar = 10_i128.pow(18);
        assert!(reaches("SUCCEEDED", Some(dollar), Some(dollar)));
        assert!(reaches("ABORTED", Some(dollar - 1_000_000_000), Some(dollar)));
        assert!(reaches("ABORTED", Some(2 * dollar), Some(dollar)));
        assert!(!reaches("ABORTED", Some(dollar - 1_000_000_001), Some(dollar)));
        assert!(!reaches("RUNNING", Some(dollar), Some(dollar)));
        for (usage, limit) in [(None, Some(dollar)), (Some(dollar), None), (Some(dollar), Some(0))] {
            assert!(!reaches("SUCCEEDED", usage, limit));
        }
    }

    #[test]
    fn meters_disagree_beyond_what_doubles_round() {
        let metering = |meters: &[i128]| Metering {
            meters: std::array::from_fn(|at| meters.get(at).copied().map(Usd)),
            ..Metering::default()
        };
        assert!(!metering(&[1, 2]).disagrees_with(Usd(3)));
        assert!(!metering(&[]).disagrees_with(Usd(3)));
        assert!(!metering(&[1_000_000_000]).disagrees_with(Usd(0)));
        assert!(metering(&[1_000_000_001]).disagrees_with(Usd(0)));
        assert!(metering(&[i128::MAX, i128::MAX]).disagrees_with(Usd(0)));
    }
}
