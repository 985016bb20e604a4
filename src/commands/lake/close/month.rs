//! A month of the lake as the files of an export: its rows as every export has them.

use std::sync::Arc;

use arrow_array::Array;

use crate::archive::{Archive, Lake};
use crate::context::blocking::CancelFlag;
use crate::error::Result;
use crate::output::hashed::FileEntry;
use crate::output::names::RUNS_PARQUET;
use crate::output::parquet::{ParquetFacts, Readers, RunsLayout};
use crate::output::publish::Staging;
use crate::output::rows::{Recut, RowFiles, RowFormats};
use crate::period::Period;
use crate::pipeline::writer::write_full;
use crate::report::dimension::Dimensions;
use crate::report::figures::Figures;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{COLUMNS, DETAIL};

/// The columns that an export of the month has: those of details only if some run of it has any.
pub fn columns(lake: &Lake, period: &Period) -> Result<ColumnSet> {
    let all = lake.columns()?;
    let names = |details: bool| -> Vec<&'static str> {
        let columns = COLUMNS.iter().enumerate();
        let wanted = columns.filter(|(at, _)| DETAIL.contains(at) == details);
        wanted.map(|(_, column)| column.name).collect()
    };
    let details = names(true);
    for batch in lake.table.batches((period.from, period.to), &all.intersect(&details)) {
        let batch = batch?;
        let known = |name: &&'static str| {
            let column = batch.column_by_name(name);
            column.is_some_and(|column| column.null_count() < column.len())
        };
        if details.iter().any(known) {
            return Ok(all);
        }
    }
    Ok(all.intersect(&names(false)))
}

/// Writes the month's rows, as every export has them, and adds them up.
pub fn write(
    lake: &Lake,
    period: &Period,
    columns: &ColumnSet,
    staging: &Arc<Staging>,
    stop: &CancelFlag,
) -> Result<(Vec<FileEntry>, Figures)> {
    let formats = RowFormats {
        columns: columns.clone(),
        parquet: RunsLayout::File(RUNS_PARQUET),
        readers: Readers::Current,
        facts: ParquetFacts::new(lake.table.state().account.as_ref(), period),
        csv: true,
    };
    let mut files = RowFiles::create(staging, &formats)?;
    let mut summary = Summary::of(period, Dimensions::of(columns, None));
    let mut recut = Recut::default();
    lake.read_rows(period, columns, &mut |rows| {
        stop.check()?;
        let all = (0..rows.num_rows() as u32).map(|row| (0, row));
        recut.add(vec![rows.clone()], all);
        write_full(&mut recut, &mut files, &mut summary, false)
    })?;
    write_full(&mut recut, &mut files, &mut summary, true)?;
    Ok((files.finish()?, summary.finish()))
}
