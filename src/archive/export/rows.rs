//! What an export's rows must be, and what their figures must add up to: checked as they go by, whichever format they are
//! read from.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;

use crate::archive::export::files::Scope;
use crate::archive::export::reports::check_reports;
use crate::archive::export::verify::is_of_this_version;
use crate::archive::export_folder::ExportFolder;
use crate::archive::findings::MAX_FINDINGS;
use crate::output::manifest::Manifest;
use crate::output::names::RUNS_CSV;
use crate::period::{Millis, format_instant};
use crate::provenance::Totals;
use crate::report::dimension::Dimensions;
use crate::report::figures::Figures;
use crate::report::groups::Groups;
use crate::report::summary::Summary;
use crate::runs::column_set::Chosen;
use crate::runs::dedup::{SeenIds, Suspects, repeated};
use crate::runs::row::{Row, rows_of};

/// Rows one by one, as far as each can be judged by itself and by the one before.
#[derive(Default)]
pub struct InOrder {
    /// When they must have started, and how that is called.
    bounds: Option<((Millis, Millis), &'static str)>,
    last: Option<(Millis, String)>,
    /// Which IDs there were.
    pub seen: SeenIds,
    pub findings: Vec<String>,
}

impl InOrder {
    /// Of rows that must have started between two instants, which are called so.
    #[cfg(feature = "lake")]
    pub fn within(edges: Option<(Millis, Millis)>, called: &'static str) -> InOrder {
        InOrder {
            bounds: edges.map(|edges| (edges, called)),
            ..InOrder::default()
        }
    }

    /// The same of about so many rows.
    pub fn of_about(rows: u64, edges: Option<(Millis, Millis)>, called: &'static str) -> InOrder {
        InOrder {
            bounds: edges.map(|edges| (edges, called)),
            last: None,
            seen: SeenIds::of_about(rows),
            findings: Vec::new(),
        }
    }

    pub fn see(&mut self, path: &str, row: &Row) {
        self.seen.see(row.id);
        let (at, id) = (row.started_at_ms, row.id);
        let mut wrong: Vec<String> = row.fault().into_iter().map(String::from).collect();
        if let Some(((from, to), of)) = self.bounds
            && !(from..to).contains(&at)
        {
            wrong.push(format!("started outside of {of}"));
        }
        match &mut self.last {
            Some((last, last_id)) => {
                if (*last, last_id.as_str()) >= (at, id) {
                    wrong.push("is not in order of started_at and id".to_string());
                }
                *last = at;
                last_id.replace_range(.., id);
            }
            None => self.last = Some((at, id.to_string())),
        }
        if self.findings.len() < MAX_FINDINGS {
            self.findings
                .extend(wrong.into_iter().map(|what| format!("{path}: run {id} {what}")));
        }
    }
}

/// The rows of one format, checked as they go by.
pub struct Rows<'m> {
    manifest: &'m Manifest,
    format: &'static str,
    scope: Scope,
    rows: u64,
    checked: InOrder,
    summary: Summary,
}

impl<'m> Rows<'m> {
    pub fn new(manifest: &'m Manifest, format: &'static str, scope: Scope) -> Rows<'m> {
        let period = &manifest.period;
        let dimensions = match scope {
            Scope::Everything | Scope::EverythingButHashes => dimensions(manifest),
            Scope::RowsAndManifest | Scope::Rows => Dimensions::default(),
        };
        Rows {
            manifest,
            format,
            scope,
            rows: 0,
            checked: InOrder::of_about(manifest.totals.runs, Some((period.from, period.to)), "the period"),
            summary: Summary::new(period.timezone, dimensions),
        }
    }

    pub fn see_all(&mut self, path: &str, rows: &RecordBatch) -> Result<(), String> {
        rows_of(rows).try_for_each(|row| self.see(path, &row))
    }

    pub fn see(&mut self, path: &str, row: &Row) -> Result<(), String> {
        self.rows += 1;
        self.checked.see(path, row);
        self.summary.add_row(row).map_err(|error| format!("{path}: {error}"))
    }

    /// The figures, and what doesn't hold; `times` counts how often each suspect really is there.
    pub fn finish(
        self,
        export: &ExportFolder,
        read: Result<(), String>,
        times: impl Fn(&Suspects) -> Result<BTreeMap<String, u64>, String>,
    ) -> (Figures, Vec<String>) {
        let (format, mut findings) = (self.format, self.checked.findings);
        let figures = self.summary.finish();
        if let Err(problem) = read {
            findings.push(problem);
            return (figures, findings);
        }
        let suspects = self.checked.seen.suspects();
        if !suspects.is_empty() {
            match times(&suspects) {
                Err(problem) => findings.push(problem),
                Ok(times) => findings.extend(repeated(&times).map(|runs| format!("{format}: {runs}"))),
            }
        }
        let (said, found) = (&self.manifest.totals, Totals::from(&figures.totals));
        if self.rows != said.runs {
            findings.push(format!("{format}: {} rows, the manifest says {}", self.rows, said.runs));
        }
        if found != *said {
            findings.push(format!(
                "{format}: its rows sum up to {}, the manifest says {}",
                shown(&found),
                shown(said)
            ));
        }
        // CSV that this version wrote beside Parquet files is compared to those byte by byte; that they are what reports are of is
        // checked once.
        let is_beside = format == RUNS_CSV && self.manifest.parquet_files().next().is_some();
        let judges_reports = matches!(self.scope, Scope::Everything | Scope::EverythingButHashes);
        if judges_reports && (!is_beside || !is_of_this_version(self.manifest)) {
            findings.extend(check_reports(export, &figures));
        }
        (figures, findings)
    }
}

/// What an export's runs are broken down by.
fn dimensions(manifest: &Manifest) -> Dimensions {
    let columns = Chosen::of_names(manifest.columns.iter().map(String::as_str));
    let groups = manifest.groups.clone().map(Groups::of);
    columns.map_or_else(|_| Dimensions::default(), |columns| Dimensions::of(&columns, groups))
}

pub fn check_parquet(export: &ExportFolder, rows: &mut Rows, see: &mut super::verify::See) -> Result<(), String> {
    let manifest = export.manifest();
    for file in manifest.parquet_files() {
        let opened = export.rows_file(&file.path)?;
        if opened.parquet_chosen()?.names() != manifest.columns {
            rows.checked
                .findings
                .push(format!("{}: its columns are not the manifest's", file.path));
        }
        let before = rows.rows;
        for batch in opened.parquet_batches()? {
            let batch = batch?;
            rows_of(&batch).try_for_each(|row| {
                let day = format_instant(row.started_at_ms);
                let folder = file
                    .path
                    .strip_prefix("runs/started_on=")
                    .and_then(|path| path.get(..10));
                if rows.checked.findings.len() < MAX_FINDINGS && folder.is_some_and(|folder| !day.starts_with(folder)) {
                    let finding = format!("{}: run {} started on another day", file.path, row.id);
                    rows.checked.findings.push(finding);
                }
                rows.see(&file.path, &row)
            })?;
            see(&batch)?;
        }
        let (found, said) = (rows.rows - before, file.rows.unwrap_or(0));
        if found != said {
            let finding = format!("{}: {found} rows, the manifest says {said}", file.path);
            rows.checked.findings.push(finding);
        }
    }
    Ok(())
}

/// How often each suspect is in the Parquet files.
pub fn parquet_times(export: &ExportFolder, suspects: &Suspects) -> Result<BTreeMap<String, u64>, String> {
    let mut times = BTreeMap::new();
    for file in export.manifest().parquet_files() {
        for batch in export.rows_file(&file.path)?.parquet_columns(&["id"])? {
            let batch = batch?;
            let ids = batch.column(0).as_string::<i32>();
            ids.iter().flatten().for_each(|id| suspects.count(id, &mut times));
        }
    }
    Ok(times)
}

/// How often each suspect is in the CSV file.
pub fn csv_times(export: &ExportFolder, suspects: &Suspects) -> Result<BTreeMap<String, u64>, String> {
    let mut times = BTreeMap::new();
    for batch in export.rows_file(RUNS_CSV)?.csv_batches()? {
        rows_of(&batch?).for_each(|row| suspects.count(row.id, &mut times));
    }
    Ok(times)
}

fn shown(totals: &Totals) -> String {
    format!(
        "{} runs, {}, {} unknown, {} provisional",
        totals.runs,
        totals
            .usage_total_usd
            .map_or("no known cost".into(), |usd| usd.to_string()),
        totals.runs_cost_unknown,
        totals.runs_provisional
    )
}
