//! A data file of the table, as its log describes it. Bounds come from the file's statistics; what the log doesn't say is
//! taken as wide as it can be.

use std::collections::HashMap;

use chrono::{Months, NaiveDate, NaiveTime};
use deltalake_core::kernel::{Add, LogicalFileView};

use crate::error::ReadError;
use crate::lake::columns::STARTED_MONTH;
use crate::lake::file_stats::FileStats;
use crate::lake::month_sums::MonthSums;
use crate::money::Usd;
use crate::period::{Millis, parse_instant};
use crate::runs::cost_state::{PROVISIONAL, UNKNOWN};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Within the table.
    pub path: String,
    pub bytes: u64,
    pub rows: Option<u64>,
    /// The UTC month its runs started in.
    pub month: String,
    /// The earliest start among its runs, and the latest.
    pub first_ms: Millis,
    pub last_ms: Millis,
    /// The least of their IDs and the greatest.
    pub ids: Option<(String, String)>,
    pub may_be_provisional: bool,
    /// When the last run finished whose cost may be unknown, at the latest; the greatest where one may not have finished, `None`
    /// where no cost is unknown.
    pub unknown_until: Option<Millis>,
    /// Of its bytes, in hexadecimal; other engines don't write it.
    pub sha256: Option<String>,
    pub sums: Option<MonthSums>,
}

/// Tags of a file in the log, by which this tool's files are checked.
const SHA256_TAG: &str = "apify-runs.sha256";
const USAGE_TAG: &str = "apify-runs.usage_total_usd";
const UNKNOWN_TAG: &str = "apify-runs.runs_cost_unknown";

/// The log's entry of a file, but for its path and size: with statistics, and the tags that [`DataFile`] reads.
pub(super) fn add_action(month: &str, stats: &FileStats, sums: &MonthSums, sha256: String) -> Add {
    Add {
        partition_values: HashMap::from([(STARTED_MONTH.into(), Some(month.into()))]),
        modification_time: crate::period::now_ms(),
        data_change: true,
        stats: Some(serde_json::to_string(stats).expect("statistics are text and numbers")),
        tags: Some(HashMap::from([
            (SHA256_TAG.into(), Some(sha256)),
            (USAGE_TAG.into(), Some(sums.usage_total_usd.to_string())),
            (UNKNOWN_TAG.into(), Some(sums.runs_cost_unknown.to_string())),
        ])),
        ..Add::default()
    }
}

impl DataFile {
    pub(super) fn from_view(view: &LogicalFileView) -> Result<DataFile, ReadError> {
        #[expect(deprecated, reason = "the view shows tags nowhere else")]
        let add = view.add_action();
        DataFile::from_add(&add)
    }

    /// The error says what is missing.
    pub(super) fn from_add(add: &Add) -> Result<DataFile, ReadError> {
        let path = add.path.clone();
        let month = add.partition_values.get(STARTED_MONTH).cloned().flatten();
        let month = month.ok_or_else(|| ReadError::new(format!("{path}: its {STARTED_MONTH} is missing")))?;
        let stats = add.stats.as_ref().and_then(|text| serde_json::from_str(text).ok());
        let file = DataFile::new(path, add.size.max(0) as u64, month, stats)?;
        let tag = |name: &str| add.tags.as_ref().and_then(|tags| tags.get(name)).cloned().flatten();
        let usage = tag(USAGE_TAG).and_then(|text| Usd::parse_plain(&text));
        let unknown = tag(UNKNOWN_TAG).and_then(|text| text.parse().ok());
        let sums = || {
            Some(MonthSums {
                runs: file.rows?,
                runs_cost_unknown: unknown?,
                usage_total_usd: usage?,
            })
        };
        Ok(DataFile {
            sha256: tag(SHA256_TAG),
            sums: sums(),
            ..file
        })
    }

    pub(super) fn new(
        path: String,
        bytes: u64,
        month: String,
        stats: Option<FileStats>,
    ) -> Result<DataFile, ReadError> {
        let (from, to) =
            month_bounds(&month).ok_or_else(|| ReadError::new(format!("{path}: {month:?} is not a month")))?;
        let rows = stats.as_ref().map(|stats| stats.num_records);
        let stats = stats.unwrap_or_default();
        let instant = |text: &Option<String>| text.as_deref().and_then(parse_instant);
        let (least, greatest) = (&stats.min_values, &stats.max_values);
        let ids = least.id.clone().zip(greatest.id.clone());
        let all_finished = stats.null_count.finished_at == Some(0);
        let last_finish = instant(&greatest.finished_at).filter(|_| all_finished);
        let is_unknown = greatest.cost_state.as_ref().is_none_or(|state| state == UNKNOWN);
        Ok(DataFile {
            bytes,
            rows,
            first_ms: instant(&least.started_at).unwrap_or(from),
            last_ms: instant(&greatest.started_at).unwrap_or(to - 1),
            ids,
            may_be_provisional: least.cost_state.as_ref().is_none_or(|state| state == PROVISIONAL),
            unknown_until: is_unknown.then(|| last_finish.unwrap_or(Millis::MAX)),
            month,
            path,
            sha256: None,
            sums: None,
        })
    }

    /// Whether some of its runs may have started in `[from, to)`.
    pub fn overlaps(&self, from: Millis, to: Millis) -> bool {
        self.first_ms < to && self.last_ms >= from
    }
}

/// A UTC month's bounds.
pub fn month_bounds(month: &str) -> Option<(Millis, Millis)> {
    let first = NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok()?;
    let next = first.checked_add_months(Months::new(1))?;
    let start = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    Some((start(first), start(next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(stats: &str) -> DataFile {
        DataFile::new(
            "a.parquet".into(),
            1,
            "2025-09".into(),
            serde_json::from_str(stats).ok(),
        )
        .unwrap()
    }

    #[test]
    fn without_statistics_a_file_may_hold_anything_of_its_month() {
        let file = file("none");
        assert_eq!(
            (file.rows, file.first_ms, file.last_ms),
            (None, 1_756_684_800_000, 1_759_276_799_999)
        );
        assert!(file.may_be_provisional);
        assert_eq!(file.unknown_until, Some(Millis::MAX));
        assert!(DataFile::new("a".into(), 1, "2025-13".into(), None).is_err());
    }

    #[test]
    fn cost_states_are_told_from_their_bounds() {
        let stats = |min: &str, max: &str, unfinished: u64| {
            file(&format!(
                r#"{{"numRecords":3,"minValues":{{"cost_state":"{min}"}},"maxValues":{{"cost_state":"{max}",
                "finished_at":"2025-09-02T00:00:00.000Z"}},"nullCount":{{"finished_at":{unfinished}}}}}"#
            ))
        };
        let settled = stats("settled", "settled", 0);
        assert_eq!((settled.may_be_provisional, settled.unknown_until), (false, None));
        let unknown = stats("settled", "unknown", 0);
        assert_eq!(
            (unknown.may_be_provisional, unknown.unknown_until),
            (false, Some(1_756_771_200_000))
        );
        assert_eq!(stats("provisional", "unknown", 1).unknown_until, Some(Millis::MAX));
        assert!(stats("provisional", "unknown", 1).may_be_provisional);
    }
}
