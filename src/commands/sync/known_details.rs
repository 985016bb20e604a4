//! What the lake knows of runs for good, so that their details needn't be asked for again and again.

use std::sync::Arc;

use crate::fetch::KnownDetails;
use crate::lake::{LakeTable, PRICED_AFTER_MS};
use crate::period::Millis;
use crate::pipeline::known_details::{DetailCollector, ReuseRule};
use crate::runs::column_set::ColumnSet;

/// Runs whose cost has settled and that finished long ago; with all that details tell if they are `metered`. What can't be
/// read is asked for.
pub fn from_lake(table: Arc<LakeTable>, now_ms: Millis, metered: bool) -> KnownDetails {
    let rule = ReuseRule {
        settled_by: now_ms.saturating_sub(PRICED_AFTER_MS),
        metered,
    };
    let columns = if metered {
        table.columns().chosen().clone()
    } else {
        ColumnSet::priced()
    };
    Box::new(move |ids, from, to| {
        let mut collector = DetailCollector::new(rule, ids, (from, to));
        let read = table.rows((from, to), &columns, |rows| {
            collector.add(rows, 0);
            Ok(())
        });
        // What was read before an error is known all the same.
        drop(read);
        collector.found
    })
}
