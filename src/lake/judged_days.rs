//! Which days of the lake syncs with `--unusual` have judged, so that none of them says the same twice. It stands beside the table,
//! not in it: nothing that is read of the table depends on it, and no commit is made for it.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::lake::table::LakeTable;
use crate::period::{Millis, instant_text, spans_text};

const JUDGED: &str = "_apify_runs/judged-days.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedDays {
    /// The table's own ID: another table may have come to be there.
    table: String,
    /// The end of the last day that was over.
    #[serde(with = "instant_text")]
    pub until: Millis,
    /// Days before that which were not complete or not settled: they are still to be judged.
    #[serde(with = "spans_text")]
    pub open: Vec<(Millis, Millis)>,
}

impl JudgedDays {
    pub fn new(table: &LakeTable, until: Millis, open: Vec<(Millis, Millis)>) -> JudgedDays {
        JudgedDays {
            table: table.id(),
            until,
            open,
        }
    }
}

impl LakeTable {
    /// What earlier syncs have judged; none where none has, or where it can't be read.
    pub fn judged_days(&self) -> Result<Option<JudgedDays>> {
        let judged = self.location().read(JUDGED)?;
        let judged = judged.and_then(|judged| serde_json::from_slice::<JudgedDays>(&judged.bytes).ok());
        Ok(judged.filter(|judged| judged.table == self.id()))
    }

    pub fn record_judged_days(&self, judged: &JudgedDays) -> Result<()> {
        let text = serde_json::to_vec(judged).expect("its keys are text");
        self.location().put(JUDGED, text)
    }
}
