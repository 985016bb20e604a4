//! What a month or a file of the table holds, in rows and dollars: what each commit writes down and is checked against.

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, RecordBatch};
use serde::{Deserialize, Serialize};

use crate::money::Usd;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthSums {
    pub runs: u64,
    pub runs_cost_unknown: u64,
    /// The sum of the known costs.
    pub usage_total_usd: Usd,
}

impl MonthSums {
    /// Its usage; `None` where no cost is known.
    pub fn known_usage(&self) -> Option<Usd> {
        (self.runs > self.runs_cost_unknown).then_some(self.usage_total_usd)
    }

    /// Adds rows of the table.
    pub fn add_rows(&mut self, rows: &RecordBatch) {
        let costs = rows.column_by_name("usage_total_usd").expect("every table has it");
        let costs = costs.as_primitive::<Decimal128Type>();
        let add = |sum: i128, cost| sum.saturating_add(cost);
        self.add(&MonthSums {
            runs: rows.num_rows() as u64,
            runs_cost_unknown: costs.null_count() as u64,
            usage_total_usd: Usd(costs.iter().flatten().fold(0, add)),
        });
    }

    pub fn add(&mut self, other: &MonthSums) {
        self.runs += other.runs;
        self.runs_cost_unknown += other.runs_cost_unknown;
        self.usage_total_usd = self.usage_total_usd.saturating_add(other.usage_total_usd);
    }
}
