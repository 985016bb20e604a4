//! Runs as the FinOps Open Cost and Usage Specification (FOCUS) 1.2 has them, dataset 'Cost and Usage': one row a run, in
//! `focus.csv` and `focus.parquet`; runs that it can't hold go to `focus-missing.csv`. Not an invoice, and no claim to be
//! Apify's own FOCUS data: what the API doesn't tell is left out or null, never made up.

mod billing_period;
mod charge;
mod columns;
mod csv;
mod missing;
mod parquet;
mod rows;
#[cfg(test)]
mod tests;

use std::io::Write;

use ::csv::Writer;
use ::parquet::arrow::ArrowWriter;
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::csv::writer;
use crate::output::focus::billing_period::BillingPeriods;
use crate::output::focus::charge::Charge;
use crate::output::names::{FOCUS_CSV, FOCUS_MISSING_CSV, FOCUS_PARQUET};
use crate::provenance::{Account, Source};
use crate::runs::column_set::NEEDED;
use crate::runs::row;

/// The account's name in the demo.
const MADE_UP_ACCOUNT: &str = "MADE-UP ACCOUNT (--demo)";

/// What FOCUS rows state beside the runs.
#[derive(Debug, Clone)]
pub struct FocusContext {
    /// Whose runs they are; FOCUS has no rows without a BillingAccountId.
    pub account: Option<Account>,
    pub source: Source,
    /// When the API was asked: milliseconds since the epoch.
    pub queried_at_ms: i64,
    /// The billing cycle in milliseconds since the epoch, its end excluded, where it is known: the BillingPeriod of what
    /// started in it. That of all others is their calendar month in UTC.
    pub billing_cycle: Option<(i64, i64)>,
}

/// How much was written where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FocusCounts {
    /// Rows of FOCUS.
    pub rows: u64,
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

/// Writes the three files, batch by batch; one row group is in memory.
pub struct FocusFiles<W: Write + Send> {
    constants: FocusConstants,
    periods: BillingPeriods,
    schema: SchemaRef,
    csv: Writer<W>,
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
    pub fn new(context: &FocusContext, schema: &Schema, csv: W, parquet: W, missing: W) -> Result<FocusFiles<W>> {
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
        let (mut csv, mut missing) = (writer(csv), writer(missing));
        csv.write_record(columns::COLUMNS.map(|(name, _)| name))
            .map_err(cannot_write(FOCUS_CSV))?;
        missing
            .write_record(missing::HEADER)
            .map_err(cannot_write(FOCUS_MISSING_CSV))?;
        let schema = rows::schema();
        Ok(FocusFiles {
            constants,
            periods: BillingPeriods::new(context.billing_cycle),
            parquet: parquet::writer(parquet, schema.clone()).map_err(cannot_write(FOCUS_PARQUET))?,
            schema,
            csv,
            missing,
            counts: FocusCounts::default(),
        })
    }

    /// Appends runs.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut charges = Vec::with_capacity(batch.num_rows());
        for (at, run) in row::rows_of(batch).enumerate() {
            if let (Some(usage), Some(finished_ms)) = (run.usage, run.finished_at_ms) {
                charges.push(Charge::new(at, &run, finished_ms, &mut self.periods)?);
                self.counts.rows += 1;
                add(&mut self.counts.usage, usage)?;
                continue;
            }
            match run.usage {
                None => self.counts.missing_unknown += 1,
                Some(usage) => {
                    self.counts.missing_unfinished += 1;
                    add(&mut self.counts.missing_usage, usage)?;
                }
            }
            let written = self
                .missing
                .write_record(missing::record(&run).iter().map(|cell| cell.as_bytes()));
            written.map_err(cannot_write(FOCUS_MISSING_CSV))?;
        }
        let rows = rows::rows_of(batch, &charges, &self.schema, &self.constants);
        let rows = rows.map_err(cannot_write(FOCUS_PARQUET))?;
        csv::write(&mut self.csv, &rows).map_err(cannot_write(FOCUS_CSV))?;
        self.parquet.write(&rows).map_err(cannot_write(FOCUS_PARQUET))
    }

    /// Completes the files.
    pub fn finish(mut self) -> Result<FocusCounts> {
        self.csv.flush().map_err(cannot_write(FOCUS_CSV))?;
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
