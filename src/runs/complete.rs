//! The last columns of rows, which no page has: how final a cost is, and names. Added when rows are written, not when they
//! are decoded: the job's start comes from the server with its first answer, names come meanwhile.

use std::collections::HashMap;

use arrow_array::{ArrayRef, RecordBatch};

use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state::SettleRule;
use crate::runs::names::Names;
use crate::runs::schema::col;

#[derive(Debug)]
pub struct Completion {
    settle: SettleRule,
    all: ColumnSet,
}

impl Completion {
    /// `details` says whether pages carry the columns of details.
    pub fn new(settle: SettleRule, details: bool) -> Completion {
        Completion {
            settle,
            all: ColumnSet::all(details),
        }
    }

    /// The columns of complete rows.
    pub fn columns(&self) -> &ColumnSet {
        &self.all
    }

    /// Decoded rows with their `cost_state` and names; `states` are those that don't follow from rows alone, by run ID.
    pub fn complete(
        &self,
        decoded: &RecordBatch,
        states: &HashMap<String, &'static str>,
        names: &Names,
    ) -> RecordBatch {
        let mut columns: Vec<ArrayRef> = decoded.columns().to_vec();
        columns.insert(col::COST_STATE, self.settle.states(decoded, states));
        columns.extend(names.columns(decoded));
        RecordBatch::try_new(self.all.schema(), columns)
            .expect("complete rows are decoded ones with cost_state and names")
    }
}
