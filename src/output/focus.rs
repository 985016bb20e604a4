//! Runs as the FinOps Open Cost and Usage Specification (FOCUS) 1.2 has them, dataset 'Cost and Usage': one row a run, in
//! `focus.csv` and `focus.parquet`; runs that it can't hold go to `focus-missing.csv`. Not an invoice, and no claim to be
//! Apify's own FOCUS data: what the API doesn't tell is left out or null, never made up.

mod cells;
mod chunk;
mod columns;
mod csv;
mod missing;
mod parquet;
mod place;
#[cfg(test)]
mod tests;
mod text;

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::focus::csv::FocusCsv;
use crate::output::focus::missing::MissingCsv;
use crate::output::focus::parquet::FocusParquet;
use crate::output::focus::place::{Missing, Placed, Placer, Runs};
use crate::provenance::{Account, Source};
use crate::runs::column_set::NEEDED;

/// The file of rows as CSV.
pub const FOCUS_CSV: &str = "focus.csv";
/// The file of rows as Parquet.
pub const FOCUS_PARQUET: &str = "focus.parquet";
/// The file of the runs that FOCUS can't hold.
pub const FOCUS_MISSING_CSV: &str = "focus-missing.csv";

/// What the charge's description begins with; the Actor's name follows, or its ID.
const DESCRIPTION: &str = "Run of Actor ";
/// What the account is called in the demo.
const MADE_UP_ACCOUNT: &str = "MADE-UP ACCOUNT (--demo)";

/// What rows need to know beside the runs.
#[derive(Debug, Clone)]
pub struct FocusContext {
    /// Whose runs they are; FOCUS has no rows without a BillingAccountId.
    pub account: Option<Account>,
    /// Where they are from.
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

/// What was written, and the sinks, flushed.
#[derive(Debug)]
pub struct FocusWritten<W> {
    /// How much.
    pub counts: FocusCounts,
    /// [`FOCUS_CSV`].
    pub csv: W,
    /// [`FOCUS_PARQUET`].
    pub parquet: W,
    /// [`FOCUS_MISSING_CSV`].
    pub missing: W,
}

/// What is the same in every row.
#[derive(Debug, Clone)]
struct FixedTexts {
    account_id: String,
    account_name: Option<String>,
    queried_at_ms: i64,
}

/// Writes the three files, batch by batch, Parquet on a thread of its own. Writes are large; sinks need no buffer.
pub struct FocusFiles<W: Write + Send + 'static> {
    placer: Placer,
    csv: FocusCsv<W>,
    parquet: FocusParquet<W>,
    missing: MissingCsv<W>,
    counts: FocusCounts,
}

impl<W: Write + Send + 'static> FocusFiles<W> {
    /// Begins with the headers. The schema is that of every batch: columns of an export in any order, of which some may be
    /// left out; without `finished_at`, or without an account, no run has a place in FOCUS, which is an error.
    pub fn new(context: &FocusContext, schema: &Schema, csv: W, parquet: W, missing: W) -> Result<FocusFiles<W>> {
        let lacks = |name: &str| schema.field_with_name(name).is_err();
        if let Some(name) = NEEDED.into_iter().find(|name| lacks(name)) {
            return Err(Error::Usage(format!("the export has no column {name}")));
        }
        if lacks("finished_at") {
            let why = "FOCUS says of every charge when it ended, and the export was made without the column finished_at; export again with it";
            return Err(Error::Usage(why.into()));
        }
        let fixed = FixedTexts::of(context)?;
        Ok(FocusFiles {
            placer: Placer::new(context.billing_cycle),
            csv: FocusCsv::new(csv, &fixed),
            missing: MissingCsv::new(missing).map_err(cannot_write(FOCUS_MISSING_CSV))?,
            parquet: FocusParquet::new(parquet, fixed).map_err(cannot_write(FOCUS_PARQUET))?,
            counts: FocusCounts::default(),
        })
    }

    /// Appends runs.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let runs = Runs::of(batch);
        let mut placed: Vec<Placed> = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            match self.placer.place(&runs, row)? {
                Ok(place) => {
                    self.counts.rows += 1;
                    add(&mut self.counts.usage, Usd(runs.costs.value(row)))?;
                    placed.push(place);
                }
                Err(why) => {
                    self.count_missing(&runs, row, why)?;
                    let written = self.missing.write(&runs, row, why);
                    written.map_err(cannot_write(FOCUS_MISSING_CSV))?;
                }
            }
        }
        self.csv.write(&runs, &placed).map_err(cannot_write(FOCUS_CSV))?;
        self.parquet.write(batch, placed).map_err(cannot_write(FOCUS_PARQUET))
    }

    /// Completes the files.
    pub fn finish(self) -> Result<FocusWritten<W>> {
        let csv = self.csv.finish().map_err(cannot_write(FOCUS_CSV))?;
        Ok(FocusWritten {
            counts: self.counts,
            csv,
            parquet: self.parquet.finish().map_err(cannot_write(FOCUS_PARQUET))?,
            missing: self.missing.finish().map_err(cannot_write(FOCUS_MISSING_CSV))?,
        })
    }

    fn count_missing(&mut self, runs: &Runs, row: usize, why: Missing) -> Result<()> {
        match why {
            Missing::Unknown | Missing::UnknownAndUnfinished => self.counts.missing_unknown += 1,
            Missing::Unfinished => {
                self.counts.missing_unfinished += 1;
                add(&mut self.counts.missing_usage, Usd(runs.costs.value(row)))?;
            }
        }
        Ok(())
    }
}

impl FixedTexts {
    fn of(context: &FocusContext) -> Result<FixedTexts> {
        let Some(account) = context.account.clone().filter(|account| !account.id.is_empty()) else {
            let why = "FOCUS says of every charge which account pays it, and the export doesn't know whose runs it holds; export again with a token that may read the account";
            return Err(Error::Usage(why.into()));
        };
        let name = account.username.filter(|name| !name.is_empty());
        Ok(FixedTexts {
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
    *sum = added.ok_or_else(|| Error::Untrusted("the costs add up to more than 20 digits before the point".into()))?;
    Ok(())
}

fn cannot_write<C: std::fmt::Display>(file: &'static str) -> impl Fn(C) -> Error {
    move |cause| Error::Output(format!("cannot write {file}: {cause}"))
}
