//! An export's files against its manifest: which there are, their bytes, and what the documents among them say. Rows are
//! `rows`'.

use std::io::{self, BufRead, BufReader};

use serde_json::{Map, Value};

use crate::archive::export::report_json;
use crate::archive::export_folder::ExportFolder;
use crate::error::{Error, Result};
use crate::output::hashed::{FileEntry, hash_of};
use crate::output::manifest::Manifest;
use crate::output::names::{REJECTED, REPORT_HTML, REPORT_JSON, REPORT_MD, REPORT_XLSX, RUNS_CSV};

/// Files that show to people what others hold: nothing is read back from them.
const PRESENTATIONS: [&str; 5] = [REPORT_HTML, REPORT_MD, REPORT_XLSX, "summary.txt", "runs.sql"];

/// How much of an export is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it, and that there is nothing beside it.
    Everything,
    /// The same, but for the bytes of files: their sizes alone.
    EverythingButHashes,
    /// What figures are made from.
    RowsAndManifest,
    /// The rows that are read, and what the manifest says of them.
    Rows,
}

impl Scope {
    /// The files that are checked.
    pub fn files(self, manifest: &Manifest) -> impl Iterator<Item = &FileEntry> {
        let has_parquet = manifest.parquet_files().next().is_some();
        let is_parquet = |path: &str| manifest.parquet_files().any(|file| file.path == path);
        let includes = move |file: &&FileEntry| match self {
            Scope::Everything | Scope::EverythingButHashes => true,
            Scope::RowsAndManifest => !PRESENTATIONS.contains(&&*file.path),
            Scope::Rows if has_parquet => is_parquet(&file.path),
            Scope::Rows => file.path == RUNS_CSV,
        };
        manifest.files.iter().filter(includes)
    }
}

/// What doesn't hold of the files beside their rows, and whether all can be read.
pub fn check_files(export: &ExportFolder, scope: Scope) -> Result<(Vec<String>, bool)> {
    let manifest = export.manifest();
    let mut findings = Vec::new();
    if matches!(scope, Scope::Everything | Scope::EverythingButHashes) {
        let shown = export.path();
        let foreign = export
            .foreign_files()
            .map_err(|why| Error::output("read", shown, why))?;
        findings.extend(foreign.into_iter().map(|path| format!("{path}: not in the manifest")));
    }
    let is_listed = |path: &str| manifest.files.iter().any(|file| file.path == path);
    let has_rows = manifest.parquet_files().next().is_some() || is_listed(RUNS_CSV);
    if !has_rows || (scope != Scope::Rows && !is_listed(REPORT_JSON)) {
        findings.push("manifest.json: lists no file of runs, or no report".into());
    }
    findings.extend(scope.files(manifest).filter_map(|file| check_file(export, scope, file)));
    let are_readable = scope.files(manifest).all(|file| export.file(&file.path).is_ok());
    if are_readable && scope != Scope::Rows {
        findings.extend(check_manifest(export));
    }
    Ok((findings, are_readable))
}

/// What the manifest says that it contradicts itself, the report or the rejected items.
fn check_manifest(export: &ExportFolder) -> Vec<String> {
    let manifest = export.manifest();
    let mut findings = Vec::new();
    let (runs, fetched) = (manifest.totals.runs, manifest.proof.fetched);
    if runs > fetched || (manifest.filters.is_empty() && runs < fetched) {
        findings.push(format!(
            "manifest.json: {runs} runs, and its proof says that {fetched} were fetched"
        ));
    }
    let lines = export
        .file(REJECTED)
        .map_or(0, |file| lines_of(file.reader()).unwrap_or(0));
    let said = manifest
        .files
        .iter()
        .find(|file| file.path == REJECTED)
        .and_then(|file| file.rows);
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
    shared.extend(manifest.caveat_details.is_some().then_some("caveat_details"));
    let report = export.file(REPORT_JSON);
    let report = report.map_or_else(|_| Map::new(), |file| report_json::members(file.reader(), &shared));
    // Whether it is one, its comparison to the rows tells.
    let differing = |name: &&str| !report.is_empty() && report.get(*name).unwrap_or(&Value::Null) != &said[*name];
    let differing = shared.into_iter().filter(|name| differing(name));
    findings.extend(differing.map(|name| format!("{REPORT_JSON}: its {name} is not the manifest's")));
    findings
}

/// How many lines a text has: an item each, which may be large.
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
pub fn check_file(export: &ExportFolder, scope: Scope, file: &FileEntry) -> Option<String> {
    let wrong = |problem: String| Some(format!("{}: {problem}", file.path));
    if scope == Scope::EverythingButHashes {
        return match export.file(&file.path).map(|found| found.bytes()) {
            Err(why) => wrong(why),
            Ok(bytes) if bytes != file.bytes => wrong(format!("{bytes} bytes, the manifest says {}", file.bytes)),
            Ok(_) => None,
        };
    }
    let hashed = export.file(&file.path).map(|found| hash_of(found.reader()));
    match hashed {
        Err(why) => wrong(why),
        Ok(Err(error)) => wrong(error.to_string()),
        Ok(Ok((_, bytes))) if bytes != file.bytes => wrong(format!("{bytes} bytes, the manifest says {}", file.bytes)),
        Ok(Ok((sha256, _))) if sha256 != file.sha256 => wrong("its hash is another".into()),
        Ok(Ok(_)) => None,
    }
}
