//! An export's files against its manifest: which there are, their bytes, and what the documents among them say. Rows are
//! checked by [`super::rows`].

use std::io::{self, BufRead, BufReader};

use serde_json::{Map, Value};

use crate::archive::export::report_json;
use crate::archive::export_folder::ExportFolder;
use crate::error::{Error, Result};
use crate::output::hashed::{FileEntry, hash_of};
use crate::output::names::{REJECTED, REPORT_JSON, RUNS_CSV};
use crate::report::account_usage::{BUILDS, USAGE_BY_DAY, USAGE_BY_SERVICE};

/// How much of an export is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckScope {
    /// All of it, and that there is nothing beside it.
    Everything,
    /// The same, but of files only their sizes.
    EverythingButHashes,
    /// What figures are made from, and that there is nothing beside it.
    Figures,
    /// What figures are made from.
    RowsAndManifest,
    /// The rows that are read, and what the manifest says of them.
    Rows,
}

impl CheckScope {
    pub fn is_everything(self) -> bool {
        matches!(self, CheckScope::Everything | CheckScope::EverythingButHashes)
    }

    /// Whether files that the manifest doesn't list are looked for, and figures as the export's own reports have them made.
    pub fn is_of_the_whole(self) -> bool {
        self.is_everything() || self == CheckScope::Figures
    }

    /// The files that are checked.
    pub fn files(self, export: &ExportFolder) -> Vec<&FileEntry> {
        let all = export.manifest().files.iter();
        match self {
            CheckScope::Everything | CheckScope::EverythingButHashes => all.collect(),
            CheckScope::Figures | CheckScope::RowsAndManifest => all.filter(|file| !is_presentation(file)).collect(),
            CheckScope::Rows => export.row_files(),
        }
    }

    /// What is wrong with the others: nothing is made from them.
    pub fn presentation_findings(self, export: &ExportFolder) -> Vec<String> {
        let all = export.manifest().files.iter().filter(|file| is_presentation(file));
        match self {
            CheckScope::Figures | CheckScope::RowsAndManifest => {
                all.filter_map(|file| check_file(export, self, file)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Whether a file shows what others hold: pages, workbooks, and reports as CSV. Runs, items that were rejected, and the report that the
/// manifest is compared with are none.
fn is_presentation(file: &FileEntry) -> bool {
    let path = file.path.as_str();
    let holds_runs = path.starts_with("runs") && (path.ends_with(".parquet") || path == RUNS_CSV);
    let holds_usage = [USAGE_BY_DAY, USAGE_BY_SERVICE, BUILDS].map(|report| format!("{report}.csv"));
    !holds_runs && ![REJECTED, REPORT_JSON].contains(&path) && !holds_usage.iter().any(|file| file == path)
}

/// What doesn't hold of the files beside their rows, and whether all can be read.
pub fn check_files(export: &ExportFolder, scope: CheckScope) -> Result<(Vec<String>, bool)> {
    let mut findings = Vec::new();
    if export.row_files().is_empty() || (scope != CheckScope::Rows && export.entry(REPORT_JSON).is_none()) {
        findings.push("manifest.json: lists no file of runs, or no report".into());
    }
    if scope.is_of_the_whole() {
        let foreign = export.foreign_files();
        let foreign = foreign.map_err(|why| Error::output("read", export.path(), why))?;
        findings.extend(foreign.into_iter().map(|path| format!("{path}: not in the manifest")));
    }
    let files = scope.files(export);
    findings.extend(files.iter().filter_map(|file| check_file(export, scope, file)));
    let are_readable = files.iter().all(|file| export.file(&file.path).is_ok());
    if are_readable && scope != CheckScope::Rows {
        findings.extend(check_manifest(export));
    }
    Ok((findings, are_readable))
}

/// Where the manifest contradicts itself, the report or the rejected items.
fn check_manifest(export: &ExportFolder) -> Vec<String> {
    let manifest = export.manifest();
    let mut findings = Vec::new();
    let (runs, fetched) = (manifest.totals.runs, manifest.proof.fetched);
    if runs > fetched || (manifest.filters.is_empty() && runs < fetched) {
        findings.push(format!(
            "manifest.json: {runs} runs, but {fetched} fetched in its proof"
        ));
    }
    let lines = export
        .file(REJECTED)
        .map_or(0, |file| lines_of(file.reader()).unwrap_or(0));
    let said = export.entry(REJECTED).and_then(|file| file.rows);
    if lines != manifest.runs_rejected || said.unwrap_or(0) != lines {
        findings.push(format!(
            "{REJECTED}: {lines} items, the manifest says {}",
            manifest.runs_rejected
        ));
    }
    let said = serde_json::to_value(manifest).expect("a manifest has only text keys");
    let mut shared = vec![
        "notice",
        "period",
        "account",
        "source",
        "filters",
        "queried_at",
        "proof",
        "retention",
        "caveats",
    ];
    // Earlier versions wrote none.
    shared.extend(manifest.usage.is_some().then_some("usage"));
    shared.extend(manifest.caveat_details.is_some().then_some("caveat_details"));
    let report = export.file(REPORT_JSON);
    let report = report.map_or_else(|_| Map::new(), |file| report_json::members(file.reader(), &shared));
    // That a document which cannot be parsed is no report is a finding of the comparison to the rows.
    let differing = |name: &&str| !report.is_empty() && report.get(*name).unwrap_or(&Value::Null) != &said[*name];
    let differing = shared.into_iter().filter(|name| differing(name));
    findings.extend(differing.map(|name| format!("{REPORT_JSON}: {name} differs from the manifest")));
    findings
}

/// How many lines a text has, an item each; items may be large, so no line is held.
fn lines_of(text: impl io::Read) -> io::Result<u64> {
    let mut text = BufReader::new(text);
    let mut lines = 0;
    let mut is_open = false;
    loop {
        let part = text.fill_buf()?;
        let Some(last) = part.last() else {
            return Ok(lines + u64::from(is_open));
        };
        is_open = *last != b'\n';
        lines += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = part.len();
        text.consume(length);
    }
}

/// What is wrong with a file's bytes.
pub fn check_file(export: &ExportFolder, scope: CheckScope, file: &FileEntry) -> Option<String> {
    let found = export.file(&file.path).map_err(|why| why.to_string());
    let sizes = |bytes| (bytes != file.bytes).then(|| format!("{bytes} bytes, the manifest says {}", file.bytes));
    let problem = match found {
        Ok(found) if scope == CheckScope::EverythingButHashes => sizes(found.bytes()),
        Ok(found) => match hash_of(found.reader()) {
            Ok((sha256, bytes)) => {
                sizes(bytes).or_else(|| (sha256 != file.sha256).then(|| "its SHA-256 differs from the manifest".into()))
            }
            Err(error) => Some(error.to_string()),
        },
        Err(why) => Some(why),
    };
    problem.map(|problem| format!("{}: {problem}", file.path))
}

/// Another version may write the same rows in other bytes.
pub fn is_of_this_version(export: &ExportFolder) -> bool {
    export.manifest().tool_version == env!("CARGO_PKG_VERSION")
}
