//! The runs of a cycle, added up from an export's files or a lake's, or from files that are only there to be added up.

use std::path::PathBuf;

use arrow_array::{Array, RecordBatch};

use crate::archive::{Archive, ArchiveInfo};
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::read::RowsFile;
use crate::period::{Millis, Period};
use crate::provenance::Totals;
use crate::report::dimension::{Dimension, Dimensions};
use crate::report::figures::{Breakdown, Figures};
use crate::report::measures::Measures;
use crate::report::reconcile::CycleRuns;
use crate::report::summary::Summary;
use crate::report::usage_explained::EdgeRuns;
use crate::runs::column_set::ColumnSet;
use crate::runs::row::{ROW, Row, rows_of};
use crate::runs::run_columns::RunColumns;
use crate::runs::schema::{COLUMNS, METERS, col};

/// The longest that a run is taken to last.
const LONGEST_RUN_MS: Millis = 31 * 86_400_000;

/// The runs of a cycle, added up as they go by.
struct Sums {
    from: Millis,
    to: Millis,
    summary: Summary,
    meters: [Usd; METERS],
    /// Runs of the cycle with a cost and no meter.
    unmetered: u64,
    finished_after: EdgeRuns,
    started_before: EdgeRuns,
    /// All rows, of the cycle or not.
    all: Measures,
}

impl Sums {
    fn new(cycle: &Period) -> Sums {
        Sums {
            from: cycle.from,
            to: cycle.to,
            summary: Summary::of(cycle, Dimensions::default()),
            meters: [Usd::default(); METERS],
            unmetered: 0,
            finished_after: EdgeRuns::default(),
            started_before: EdgeRuns::default(),
            all: Measures::default(),
        }
    }

    /// Adds a run that the rows hold; whether it is one of the cycle.
    fn add(&mut self, row: &Row) -> Result<bool> {
        let started = row.started_at_ms;
        let fits = self.all.add(row);
        fits.ok_or_else(|| Error::Untrusted("the sum of costs has more than 38 digits".into()))?;
        if !(self.from..self.to).contains(&started) {
            if started < self.from && row.finished_at_ms.is_some_and(|at| at >= self.from) {
                self.started_before.add(row.usage);
            }
            return Ok(false);
        }
        if row.finished_at_ms.is_some_and(|at| at >= self.to) {
            self.finished_after.add(row.usage);
        }
        self.summary.add_row(row)?;
        Ok(true)
    }

    fn finish(self, metered: bool) -> (CycleRuns, Figures) {
        let figures = self.summary.finish();
        let totals = &figures.totals;
        let days = figures.by(Dimension::Day).into_iter().flat_map(Breakdown::groups);
        let runs = CycleRuns {
            runs: totals.runs(),
            usage: totals.usage().unwrap_or_default(),
            cost_unknown: totals.cost_unknown(),
            provisional: totals.provisional.runs,
            meters: metered.then_some(self.meters),
            finished_after: self.finished_after,
            started_before: self.started_before,
            days: days
                .map(|day| (day.shown().to_string(), day.measures.usage()))
                .collect(),
        };
        (runs, figures)
    }
}

/// The runs of what is held that started in a cycle; exit 5 where they don't come to what it says of all its runs. One that
/// says nothing is read from as long before the cycle as runs may have taken that ended in it.
pub fn sum_held(archive: &dyn Archive, held: &ArchiveInfo, cycle: &Period) -> Result<(CycleRuns, Figures)> {
    let mut sums = Sums::new(cycle);
    let period = match held.totals {
        Some(_) => held.period.clone(),
        None => Period {
            from: held.period.from.max(cycle.from - LONGEST_RUN_MS),
            ..cycle.clone()
        },
    };
    let all = archive.columns()?;
    let columns = all.intersect(&[&ROW[..], &meters()[..]].concat());
    let has_meters = has_meters(&all);
    archive.read_rows(&period, &columns, &mut |rows| add_batch(&mut sums, rows, has_meters))?;
    if held
        .totals
        .as_ref()
        .is_some_and(|said| Totals::from(&sums.all) != *said)
    {
        return Err(Error::Untrusted(format!(
            "the runs of {} do not match the totals of its manifest: see apify-runs verify",
            held.shown
        )));
    }
    // What has grown over years has the meters' columns, whether or not details were always asked for.
    let metered = has_meters && (held.is_of_one_period || sums.unmetered == 0);
    Ok(sums.finish(metered))
}

fn meters() -> Vec<&'static str> {
    COLUMNS[col::FIRST_METER..col::COMPUTE_UNITS]
        .iter()
        .map(|column| column.name)
        .collect()
}

fn has_meters(columns: &ColumnSet) -> bool {
    meters().iter().all(|meter| columns.position(meter).is_some())
}

/// The runs of files that started in a cycle.
pub fn sum_parquet(files: &[PathBuf], cycle: &Period) -> Result<(CycleRuns, Figures)> {
    let mut sums = Sums::new(cycle);
    let metered = add_parquet(&mut sums, files)?;
    Ok(sums.finish(metered))
}

/// Adds the runs of Parquet files; whether all of them have meters.
fn add_parquet(sums: &mut Sums, files: &[PathBuf]) -> Result<bool> {
    let mut metered = true;
    for file in files {
        let rows = RowsFile::open(file).map_err(Error::untrusted)?;
        metered &= has_meters(&rows.columns().map_err(Error::untrusted)?);
        for batch in rows.batches(None).map_err(Error::untrusted)? {
            add_batch(sums, &batch.map_err(Error::untrusted)?, metered)?;
        }
    }
    Ok(metered)
}

fn add_batch(sums: &mut Sums, batch: &RecordBatch, metered: bool) -> Result<()> {
    let meters: Vec<_> = meters()
        .into_iter()
        .filter(|_| metered)
        .filter_map(|meter| RunColumns(batch).decimals(meter))
        .collect();
    for (at, row) in rows_of(batch).enumerate() {
        if !sums.add(&row)? {
            continue;
        }
        let is_metered = meters.iter().any(|meter| meter.is_valid(at));
        sums.unmetered += u64::from(!is_metered && row.usage.is_some_and(|usage| usage.0 != 0));
        for (sum, meter) in sums
            .meters
            .iter_mut()
            .zip(&meters)
            .filter(|(_, meter)| meter.is_valid(at))
        {
            let added = sum.checked_add(Usd(meter.value(at)));
            *sum = added.ok_or_else(|| Error::Untrusted("the sum of a meter has more than 38 digits".into()))?;
        }
    }
    Ok(())
}
