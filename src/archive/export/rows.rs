//! An export's rows of one format against its manifest: what each must be, and what their figures must add up to. Checked as
//! they are read, whichever format that is.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use crate::archive::export::files::{CheckScope, is_of_this_version};
use crate::archive::export::reports::check_reports;
use crate::archive::export_folder::ExportFolder;
use crate::archive::row_check::RowCheck;
use crate::error::ReadError;
use crate::output::manifest::Manifest;
use crate::output::names::RUNS_CSV;
use crate::output::read::batches_of;
use crate::period::format_instant;
use crate::provenance::Totals;
use crate::report::dimension::Dimensions;
use crate::report::figures::Figures;
use crate::report::groups::Groups;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;
use crate::runs::dedup::{Suspects, repeated};

/// What is done with each batch beside checking it; an error ends the reading.
pub type RowsVisitor<'s> = dyn FnMut(&RecordBatch) -> Result<(), ReadError> + 's;

/// The rows of one format.
struct FormatCheck<'e> {
    export: &'e ExportFolder,
    /// As findings name it.
    format: &'static str,
    rows: u64,
    checked: RowCheck,
    summary: Summary,
}

/// Reads the Parquet files: their figures, and what doesn't hold.
pub fn check_parquet(export: &ExportFolder, scope: CheckScope, see: &mut RowsVisitor) -> (Figures, Vec<String>) {
    let mut check = FormatCheck::new(export, "Parquet", scope);
    let mut files = export.manifest().parquet_files();
    let read = files.try_for_each(|file| {
        let before = check.rows;
        check.read(&file.path, see)?;
        let (found, said) = (check.rows - before, file.rows.unwrap_or(0));
        if found != said {
            let finding = format!("{}: {found} rows, the manifest says {said}", file.path);
            check.checked.note(finding);
        }
        Ok(())
    });
    let files = export.manifest().parquet_files().map(|file| &*file.path).collect();
    check.finish(scope, read, files)
}

/// The same of `runs.csv`.
pub fn check_csv(export: &ExportFolder, scope: CheckScope, see: &mut RowsVisitor) -> (Figures, Vec<String>) {
    let mut check = FormatCheck::new(export, RUNS_CSV, scope);
    let read = check.read(RUNS_CSV, see);
    let (figures, mut findings) = check.finish(scope, read, vec![RUNS_CSV]);
    let said = export.entry(RUNS_CSV).and_then(|file| file.rows);
    if said != Some(export.manifest().totals.runs) {
        findings.push(format!(
            "{RUNS_CSV}: the manifest has another number of rows than its total of runs"
        ));
    }
    (figures, findings)
}

impl<'e> FormatCheck<'e> {
    fn new(export: &'e ExportFolder, format: &'static str, scope: CheckScope) -> FormatCheck<'e> {
        let manifest = export.manifest();
        let period = &manifest.period;
        let checked = RowCheck::new(manifest.totals.runs, Some((period.from, period.to)), "the period");
        let dimensions = if scope.is_of_the_whole() {
            dimensions(manifest)
        } else {
            Dimensions::default()
        };
        FormatCheck {
            export,
            format,
            rows: 0,
            checked,
            summary: Summary::of(period, dimensions),
        }
    }

    fn read(&mut self, path: &str, see: &mut RowsVisitor) -> Result<(), ReadError> {
        let file = self.export.rows_file(path)?;
        if !file.is_csv() && file.columns()?.names() != self.export.manifest().columns {
            self.checked
                .note(format!("{path}: its columns differ from the manifest"));
        }
        let day = path.strip_prefix("runs/started_on=").and_then(|path| path.get(..10));
        for batch in file.batches(None)? {
            let batch = batch?;
            self.rows += batch.num_rows() as u64;
            let mut added = Ok(());
            self.checked.add_rows(path, &batch, |checked, row| {
                if let Some(day) = day
                    && !checked.is_full()
                    && !format_instant(row.started_at_ms).starts_with(day)
                {
                    checked.note(format!("{path}: run {} started on another day", row.id));
                }
                if added.is_ok() {
                    added = self.summary.add_row(row);
                }
            });
            added.map_err(|error| ReadError::new(error).in_file(path))?;
            see(&batch)?;
        }
        Ok(())
    }

    /// The figures, and what doesn't hold.
    fn finish(mut self, scope: CheckScope, read: Result<(), ReadError>, files: Vec<&str>) -> (Figures, Vec<String>) {
        let FormatCheck { export, format, .. } = self;
        let manifest = export.manifest();
        let figures = self.summary.finish();
        let suspects = std::mem::take(&mut self.checked.seen).suspects();
        let mut findings: Vec<String> = self.checked.findings(true).collect();
        if let Err(problem) = read {
            findings.push(problem.to_string());
            return (figures, findings);
        }
        if !suspects.is_empty() {
            match count_suspects(export, &files, &suspects) {
                Err(problem) => findings.push(problem.to_string()),
                Ok(times) => findings.extend(repeated(&times).map(|runs| format!("{format}: {runs}"))),
            }
        }
        let (said, found) = (&manifest.totals, Totals::from(&figures.totals));
        if self.rows != said.runs {
            findings.push(format!("{format}: {} rows, the manifest says {}", self.rows, said.runs));
        }
        if found != *said {
            findings.push(format!(
                "{format}: the totals of its rows are {}; the manifest says {}",
                shown(&found),
                shown(said)
            ));
        }
        // CSV that this version wrote beside Parquet files is compared to those byte by byte; that they are what reports are of is
        // checked once.
        let is_beside = format == RUNS_CSV && export.has_parquet();
        if scope.is_of_the_whole() && (!is_beside || !is_of_this_version(export)) {
            findings.extend(check_reports(export, &figures, scope.is_everything()));
        }
        (figures, findings)
    }
}

/// What an export's runs are broken down by.
fn dimensions(manifest: &Manifest) -> Dimensions {
    let columns = ColumnSet::from_names(manifest.columns.iter().map(String::as_str));
    let groups = manifest
        .groups
        .clone()
        .map(|rules| Groups::of(rules).for_account(manifest.account.as_ref()));
    columns.map_or_else(|_| Dimensions::default(), |columns| Dimensions::of(&columns, groups))
}

/// How often each suspect really is there.
fn count_suspects(
    export: &ExportFolder,
    files: &[&str],
    suspects: &Suspects,
) -> Result<BTreeMap<String, u64>, ReadError> {
    let mut times = BTreeMap::new();
    let files = files.iter().map(|path| export.rows_file(path));
    batches_of(files, Some(&["id"])).try_for_each(|batch| {
        suspects.count_rows(&batch?, &mut times);
        Ok(())
    })?;
    Ok(times)
}

fn shown(totals: &Totals) -> String {
    format!(
        "{} runs, {}, {} of unknown cost, {} of provisional cost",
        totals.runs,
        totals
            .usage_total_usd
            .map_or("unknown cost".into(), |usd| usd.to_string()),
        totals.runs_cost_unknown,
        totals.runs_provisional
    )
}
