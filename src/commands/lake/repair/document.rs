//! What `lake repair --json` prints: the damage, and whether it was taken out of the lake.

use serde::Serialize;

use crate::lake::LakeTable;
use crate::lake::repair::{Damage, RepairResult};
use crate::money::Usd;
use crate::period::{Millis, instant_text};

#[derive(Serialize)]
pub struct RepairDocument {
    notice: Option<&'static str>,
    lake: String,
    /// The version that was looked at; null where its log can't be read.
    version: Option<u64>,
    damaged: bool,
    /// The version without what is damaged; null where nothing was changed.
    repaired_version: Option<u64>,
    log_fault: Option<String>,
    months: Vec<MonthFault>,
    files: Vec<FileFault>,
    /// Runs that are there more than once.
    runs_doubled: u64,
}

/// A month of which the log has another number of runs than were committed.
#[derive(Serialize)]
struct MonthFault {
    month: String,
    runs_found: u64,
    runs_committed: u64,
}

#[derive(Serialize)]
struct FileFault {
    path: String,
    why: String,
    month: String,
    /// The starts of its first run and its last, by the log.
    #[serde(with = "instant_text")]
    first_started_at: Millis,
    #[serde(with = "instant_text")]
    last_started_at: Millis,
    /// What it held, by the log; null where the log doesn't have it.
    runs: Option<u64>,
    runs_cost_unknown: Option<u64>,
    usage_total_usd: Option<Usd>,
    /// Where a copy is kept; null where nothing was changed, or the file is gone.
    kept_as: Option<String>,
}

impl RepairDocument {
    /// Of a lake whose last entry can't be read, which was not changed.
    pub fn of_broken_log(lake: &str, why: String) -> RepairDocument {
        RepairDocument {
            notice: None,
            lake: lake.into(),
            version: None,
            damaged: true,
            repaired_version: None,
            log_fault: Some(why),
            months: Vec::new(),
            files: Vec::new(),
            runs_doubled: 0,
        }
    }

    pub fn new(table: &LakeTable, damage: &Damage, repaired: Option<&RepairResult>) -> RepairDocument {
        let months = damage.months.iter().map(|(month, found, left)| MonthFault {
            month: month.clone(),
            runs_found: *found,
            runs_committed: *left,
        });
        let files = damage.files.iter().enumerate().map(|(at, damaged)| {
            let (file, sums) = (&damaged.file, damaged.file.sums);
            FileFault {
                path: file.path.clone(),
                why: damaged.why.clone(),
                month: file.month.clone(),
                first_started_at: file.first_ms,
                last_started_at: file.last_ms,
                runs: file.rows,
                runs_cost_unknown: sums.map(|sums| sums.runs_cost_unknown),
                usage_total_usd: sums.and_then(|sums| sums.known_usage()),
                kept_as: repaired.and_then(|repaired| repaired.aside[at].clone()),
            }
        });
        RepairDocument {
            notice: table.state().source.notice(),
            lake: table.location().shown().into(),
            version: Some(table.version()),
            damaged: !damage.is_empty(),
            repaired_version: repaired.map(|repaired| repaired.version),
            log_fault: damage.log.clone(),
            months: months.collect(),
            files: files.collect(),
            runs_doubled: damage.duplicates.runs(),
        }
    }
}
