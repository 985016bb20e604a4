//! Runs as the FinOps Open Cost and Usage Specification (FOCUS) 1.2 or 1.4 has them, dataset 'Cost and Usage': one row a run,
//! or one for the runs of a day that are alike, in `focus.csv`, or parts of it, and `focus.parquet`; runs that it can't hold go
//! to `focus-missing.csv`. Not an invoice, and no claim to be Apify's own FOCUS data: what the API doesn't tell is left out or
//! null, never made up.

mod billing_period;
mod charge;
mod choices;
mod columns;
mod csv;
mod days;
mod layout;
mod missing;
mod not_attributed;
mod parquet;
mod parts;
mod rows;
#[cfg(test)]
mod tests;

use std::io::Write;

use ::csv::Writer;
use ::parquet::arrow::ArrowWriter;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::Schema;
use arrow_select::filter::filter_record_batch;

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::csv::writer;
use crate::output::focus::billing_period::BillingPeriods;
use crate::output::focus::charge::Charge;
use crate::output::focus::choices::RowKind;
use crate::output::focus::csv::FocusCsv;
use crate::output::focus::days::DayGroups;
use crate::output::focus::layout::FocusLayout;
use crate::output::focus::not_attributed::ChargedDays;
use crate::output::focus::rows::ChargedRows;
use crate::output::names::{FOCUS_MISSING_CSV, FOCUS_PARQUET};
use crate::provenance::{Account, Source};
use crate::runs::column_set::NEEDED;
use crate::runs::row;

pub use crate::output::focus::choices::{FocusGrain, FocusVersion};
pub use crate::output::focus::csv::CsvOutput;
pub use crate::output::focus::not_attributed::{CountedSpan, CountedUsage};
pub use crate::output::focus::parts::SplitSize;

/// As many rows are made at once: a day may have many more.
const BATCH_ROWS: usize = 8192;

/// The account's name in the demo.
const MADE_UP_ACCOUNT: &str = "MADE-UP ACCOUNT (--demo)";

/// What FOCUS rows state beside the runs.
#[derive(Debug, Clone)]
pub struct FocusContext {
    pub grain: FocusGrain,
    pub version: FocusVersion,
    /// Whose runs they are; FOCUS has no rows without a BillingAccountId.
    pub account: Option<Account>,
    pub source: Source,
    /// When the API was asked: milliseconds since the epoch.
    pub queried_at_ms: i64,
    /// The billing cycle in milliseconds since the epoch, its end excluded, where it is known: the BillingPeriod of what
    /// started in it. That of all others is their calendar month in UTC.
    pub billing_cycle: Option<(i64, i64)>,
    /// Whether the export has what Apify counts of its days: rows for what is not attributed to a run follow.
    pub has_counted_usage: bool,
}

/// How much was written where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FocusCounts {
    /// Rows of FOCUS.
    pub rows: u64,
    /// Files of CSV, where they are numbered.
    pub parts: u32,
    /// Their dollars: the sum of each of the four costs.
    pub usage: Usd,
    /// Runs that are missing since their cost is unknown; some may be unfinished too.
    pub missing_unknown: u64,
    /// Runs of known cost that are missing since they haven't finished.
    pub missing_unfinished: u64,
    /// The dollars of those.
    pub missing_usage: Usd,
}

/// What is the same in every row.
struct FocusConstants {
    account_id: String,
    account_name: Option<String>,
    queried_at_ms: i64,
}

/// Writes the files, batch by batch; one row group is in memory, one part of CSV and the groups of one day.
pub struct FocusFiles<W: Write + Send> {
    constants: FocusConstants,
    periods: BillingPeriods,
    layout: FocusLayout,
    days: DayGroups,
    charged: ChargedDays,
    csv: FocusCsv<W>,
    parquet: ArrowWriter<W>,
    missing: Writer<W>,
    counts: FocusCounts,
}

impl<W: Write + Send> FocusFiles<W> {
    /// Begins with the headers. The schema is that of every batch: columns of an export in any order, of which some may be
    /// left out.
    ///
    /// # Errors
    /// [`Error::Usage`] without `finished_at`, or without an account: FOCUS could hold no run.
    pub fn new(
        context: &FocusContext,
        schema: &Schema,
        csv: CsvOutput<W>,
        parquet: W,
        missing: W,
    ) -> Result<FocusFiles<W>> {
        let lacks = |name: &str| schema.field_with_name(name).is_err();
        if let Some(name) = NEEDED.into_iter().find(|name| lacks(name)) {
            return Err(Error::Usage(format!("the export has no column {name}")));
        }
        if lacks("finished_at") {
            let why =
                "FOCUS needs the end of every charge, but the export has no column finished_at: export again with it";
            return Err(Error::Usage(why.into()));
        }
        let constants = FocusConstants::new(context)?;
        let layout = FocusLayout::new(context.grain, context.version, context.has_counted_usage);
        let csv = FocusCsv::new(csv, &layout)?;
        let mut missing = writer(missing);
        missing
            .write_record(missing::HEADER)
            .map_err(cannot_write(FOCUS_MISSING_CSV))?;
        Ok(FocusFiles {
            constants,
            periods: BillingPeriods::new(context.billing_cycle),
            days: DayGroups::default(),
            charged: ChargedDays::default(),
            parquet: parquet::writer(parquet, &layout).map_err(cannot_write(FOCUS_PARQUET))?,
            layout,
            csv,
            missing,
            counts: FocusCounts::default(),
        })
    }

    /// Runs that follow are of this account and query; days are those of each on its own.
    ///
    /// # Errors
    /// [`Error::Usage`] without an account.
    pub fn turn_to(&mut self, context: &FocusContext) -> Result<()> {
        self.write_day()?;
        self.constants = FocusConstants::new(context)?;
        self.periods = BillingPeriods::new(context.billing_cycle);
        Ok(())
    }

    /// Appends runs, which must be in order of their start.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut charges = Vec::new();
        let mut is_charged = vec![false; batch.num_rows()];
        for (run, is_charged) in row::rows_of(batch).zip(&mut is_charged) {
            let (Some(usage), Some(finished_ms)) = (run.usage, run.finished_at_ms) else {
                self.write_missing(&run)?;
                continue;
            };
            add(&mut self.counts.usage, usage)?;
            self.charged.add(run.started_at_ms, usage);
            match self.layout.grain {
                FocusGrain::Run => {
                    let period = self.periods.period_of(run.started_at_ms);
                    charges.push(Charge::of_run(&run, finished_ms, period)?);
                    *is_charged = true;
                }
                FocusGrain::Day => {
                    if self.days.ends_before(&run)? {
                        self.write_day()?;
                    }
                    self.days.add(&run, usage, &mut self.periods)?;
                }
            }
        }
        if self.layout.grain == FocusGrain::Day {
            return Ok(());
        }
        let charged = filter_record_batch(batch, &BooleanArray::from(is_charged));
        self.write_rows(RowKind::Run, charged.map_err(cannot_write(FOCUS_PARQUET))?, &charges)
    }

    /// Sets a run apart that FOCUS cannot hold.
    fn write_missing(&mut self, run: &row::Row) -> Result<()> {
        match run.usage {
            None => self.counts.missing_unknown += 1,
            Some(usage) => {
                self.counts.missing_unfinished += 1;
                add(&mut self.counts.missing_usage, usage)?;
            }
        }
        let record = missing::record(run);
        let written = self.missing.write_record(record.iter().map(|cell| cell.as_bytes()));
        written.map_err(cannot_write(FOCUS_MISSING_CSV))
    }

    /// Writes the groups of a day that is complete.
    fn write_day(&mut self) -> Result<()> {
        let (groups, charges) = self.days.take().map_err(cannot_write(FOCUS_PARQUET))?;
        for (at, charges) in charges.chunks(BATCH_ROWS).enumerate() {
            self.write_rows(RowKind::Runs, groups.slice(at * BATCH_ROWS, charges.len()), charges)?;
        }
        Ok(())
    }

    fn write_rows(&mut self, kind: RowKind, batch: RecordBatch, charges: &[Charge]) -> Result<()> {
        let rows = rows::rows_of(&ChargedRows { kind, batch, charges }, &self.layout, &self.constants);
        let rows = rows.map_err(cannot_write(FOCUS_PARQUET))?;
        self.csv.write(&rows, &self.layout)?;
        self.parquet.write(&rows).map_err(cannot_write(FOCUS_PARQUET))?;
        self.counts.rows += rows.num_rows() as u64;
        Ok(())
    }

    /// Completes the files, with a row for each span of what Apify counts and no run's row has.
    pub fn finish(mut self, counted: &CountedUsage) -> Result<FocusCounts> {
        self.write_day()?;
        let charged = std::mem::take(&mut self.charged);
        let (charges, batch) = charged.rest_of(&counted.spans, &mut self.periods)?;
        if !charges.is_empty() {
            self.constants.queried_at_ms = counted.queried_at_ms;
            self.write_rows(
                RowKind::NotAttributed,
                batch.map_err(cannot_write(FOCUS_PARQUET))?,
                &charges,
            )?;
        }
        self.counts.parts = self.csv.finish()?;
        let closed = self.parquet.into_inner().and_then(|mut to| Ok(to.flush()?));
        closed.map_err(cannot_write(FOCUS_PARQUET))?;
        self.missing.flush().map_err(cannot_write(FOCUS_MISSING_CSV))?;
        Ok(self.counts)
    }
}

impl FocusConstants {
    fn new(context: &FocusContext) -> Result<FocusConstants> {
        let Some(account) = context.account.clone().filter(|account| !account.id.is_empty()) else {
            let why = "FOCUS needs the account of every charge, but the export does not have its account: export again with a token that may read the account";
            return Err(Error::Usage(why.into()));
        };
        let name = account.username.filter(|name| !name.is_empty());
        Ok(FocusConstants {
            account_id: account.id,
            account_name: match context.source {
                Source::Api => name,
                Source::Demo => Some(MADE_UP_ACCOUNT.into()),
            },
            queried_at_ms: context.queried_at_ms,
        })
    }
}

fn add(sum: &mut Usd, cost: Usd) -> Result<()> {
    let added = sum.checked_add(cost);
    *sum = added.ok_or_else(|| Error::Untrusted("the sum of costs has more than 20 digits before the point".into()))?;
    Ok(())
}

fn cannot_write<C: std::fmt::Display>(file: &'static str) -> impl Fn(C) -> Error {
    move |cause| Error::output("write", file.as_ref(), cause)
}
