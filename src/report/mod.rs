//! Figures: folded once from rows as they go by, made into tables, then rendered. The formats only receive finished figures,
//! and all show the same ones.

pub mod budget;
pub mod caveat;
pub mod comparison;
mod console;
pub mod csv;
pub mod diff;
pub mod dimension;
pub mod facts;
pub mod figures;
pub mod groups;
pub mod headline;
pub mod html;
pub mod json;
pub mod markdown;
pub mod measures;
pub mod reconcile;
pub mod summary;
pub mod sync_summary;
pub mod table;
pub mod tables;
pub mod terminal;
pub mod usage_explained;
pub mod xlsx;

use crate::report::budget::BudgetStatus;
use crate::report::comparison::PeriodComparison;
use crate::report::facts::Facts;
use crate::report::figures::Figures;
use crate::report::table::Table;

use crate::provenance::{FileEntry, Replaced};

#[derive(Debug)]
pub struct Report {
    pub facts: Facts,
    pub figures: Figures,
    pub against: Option<PeriodComparison>,
    pub budgets: Vec<BudgetStatus>,
    pub replaced: Option<Replaced>,
    /// The export's other files, as far as they are there when the report is rendered.
    pub files: Vec<FileEntry>,
    /// The tables that were asked for; all if none was.
    pub only: Vec<String>,
}

impl Report {
    pub fn tables(&self) -> Vec<Table<'_>> {
        let mut tables = Vec::new();
        if !self.budgets.is_empty() {
            tables.push(budget::table(&self.budgets));
        }
        if let Some(against) = &self.against {
            tables.extend(against.tables(&self.figures, &self.facts.period, self.facts.lacks_runs()));
        }
        tables.extend(self.figures.tables());
        tables.retain(|table| self.only.is_empty() || self.only.iter().any(|name| *name == table.name));
        tables
    }
}
