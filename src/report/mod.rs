//! Figures: folded once from rows as they go by, made into tables, then rendered. The formats only receive finished figures,
//! and all show the same ones.

pub mod account_usage;
mod buckets;
pub mod budget;
pub mod caveat;
pub mod comparison;
mod console;
pub mod csv;
pub mod diff;
pub mod dimension;
mod display_text;
pub mod facts;
pub mod figures;
pub mod groups;
pub mod headline;
pub mod html;
pub mod json;
pub mod markdown;
pub mod measures;
pub mod reconcile;
pub mod run_filter;
pub mod runs_of_days;
#[cfg(test)]
mod sample;
pub mod summary;
pub mod summary_text;
pub mod sync_summary;
pub mod table;
pub mod tables;
pub mod terminal;
pub mod unit_costs;
pub mod unusual;
pub mod usage_explained;
pub mod xlsx;

use crate::report::account_usage::{AccountUsage, explained_table};
use crate::report::budget::BudgetStatus;
use crate::report::comparison::{PeriodComparison, ReportedPeriod};
use crate::report::facts::Facts;
use crate::report::figures::Figures;
use crate::report::reconcile::Reconciliation;
use crate::report::table::Table;
use crate::report::unusual::UnusualDays;
use crate::report::usage_explained::UsageExplained;

use crate::provenance::{FileEntry, Replaced};

#[derive(Debug)]
pub struct Report {
    pub facts: Facts,
    pub figures: Figures,
    /// What Apify counts of the period, and builds; none where that was not asked for.
    pub usage: Option<AccountUsage>,
    /// The billing cycle that it is of, held against Apify's count.
    pub reconciled: Option<Reconciliation>,
    pub against: Option<PeriodComparison>,
    pub budgets: Vec<BudgetStatus>,
    /// Its days, judged by those before them; none where that was not asked for.
    pub unusual: Option<UnusualDays>,
    pub replaced: Option<Replaced>,
    /// The export's other files, as far as they are there when the report is rendered.
    pub files: Vec<FileEntry>,
    /// The tables that were asked for; all if none was.
    pub only: Vec<String>,
}

impl Report {
    /// The report of a billing cycle that was held against Apify's count: the tables that show it.
    pub fn of_reconciliation(
        reconciled: Reconciliation,
        facts: Facts,
        figures: Figures,
        usage: AccountUsage,
    ) -> Report {
        Report {
            facts,
            figures,
            usage: Some(usage),
            reconciled: Some(reconciled),
            against: None,
            budgets: Vec::new(),
            unusual: None,
            replaced: None,
            files: Vec::new(),
            only: reconcile::TABLES.map(String::from).to_vec(),
        }
    }

    /// Whether it is of some runs of the period alone: those that were asked for, of those that the export was made with.
    pub fn is_filtered(&self) -> bool {
        !(self.facts.filters.is_empty() && self.figures.only.is_empty())
    }

    pub fn tables(&self) -> Vec<Table<'_>> {
        let mut tables = Vec::new();
        if !self.budgets.is_empty() {
            tables.push(budget::table(&self.budgets));
        }
        if let Some(against) = &self.against {
            tables.extend(against.tables(self.reported_period()));
        }
        tables.extend(self.figures.tables());
        tables.extend(self.usage_tables());
        tables.retain(|table| self.only.is_empty() || self.only.iter().any(|name| *name == table.name));
        tables
    }

    /// What another period is compared with.
    pub fn reported_period(&self) -> ReportedPeriod<'_> {
        ReportedPeriod {
            period: &self.facts.period,
            lacks_runs: self.facts.lacks_runs(),
            figures: &self.figures,
        }
    }

    /// Of what Apify counts: first what explains it.
    fn usage_tables(&self) -> Vec<Table<'_>> {
        let Some(usage) = &self.usage else {
            return Vec::new();
        };
        let title = headline::counted_title(self);
        let mut tables = match (&self.reconciled, self.usage_explained(), title) {
            (Some(reconciled), _, title) => reconciled.tables(title.unwrap_or_default()),
            (None, Some(explained), Some(title)) => vec![explained_table(&explained, title)],
            _ => Vec::new(),
        };
        tables.extend(usage.tables());
        tables
    }

    /// What runs and builds explain of what Apify counts; none where that is unknown, or was not asked for.
    pub fn usage_explained(&self) -> Option<UsageExplained> {
        if let Some(reconciled) = &self.reconciled {
            return Some(reconciled.explained());
        }
        let may_lack_runs = self.facts.lacks_runs();
        self.usage.as_ref()?.explained(&self.figures, may_lack_runs)
    }
}
