//! An export's files against its manifest: which there are, their bytes, and what the documents among them say. Rows are
//! `rows`'.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::report_json;
use crate::bounded::open_regular;
use crate::error::Result;
use crate::jobs::files::{REJECTED, REPORT_JSON};
use crate::output::csv::RUNS_CSV;
use crate::output::hashed::{FileEntry, hash_of};
use crate::output::manifest::{Manifest, is_within};

/// What doesn't hold of the files beside their rows, and whether all are regular ones.
pub(super) fn check_files(export: &Path, manifest: &Manifest) -> Result<(Vec<String>, bool)> {
    let foreign = manifest.foreign_files(export)?.into_iter();
    let mut findings: Vec<String> = foreign.map(|path| format!("{path}: not in the manifest")).collect();
    let is_listed = |path: &str| manifest.files.iter().any(|file| file.path == path);
    let has_rows = manifest.parquet_files().next().is_some() || is_listed(RUNS_CSV);
    if !has_rows || !is_listed(REPORT_JSON) {
        findings.push("manifest.json: lists no file of runs, or no report".into());
    }
    findings.extend(manifest.files.iter().filter_map(|file| check_file(export, file)));
    let are_regular = manifest.files.iter().all(|file| is_regular(&export.join(&file.path)));
    if are_regular {
        findings.extend(check_manifest(export, manifest));
    }
    Ok((findings, are_regular))
}

/// What the manifest says that it contradicts itself, the report or the rejected items.
fn check_manifest(export: &Path, manifest: &Manifest) -> Vec<String> {
    let mut findings = Vec::new();
    let (runs, fetched) = (manifest.totals.runs, manifest.proof.fetched);
    if runs > fetched || (manifest.filters.is_empty() && runs < fetched) {
        findings.push(format!(
            "manifest.json: {runs} runs, and its proof says that {fetched} were fetched"
        ));
    }
    let lines = lines_of(&export.join(REJECTED)).unwrap_or(0);
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
    let shared = [
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
    let report = report_json::members(&export.join(REPORT_JSON), &shared);
    // Whether it is one, its comparison to the rows tells.
    let differing = |name: &&str| !report.is_empty() && report.get(*name).unwrap_or(&Value::Null) != &said[*name];
    let differing = shared.into_iter().filter(|name| differing(name));
    findings.extend(differing.map(|name| format!("{REPORT_JSON}: its {name} is not the manifest's")));
    findings
}

/// How many lines a text has: an item each, which may be large.
fn lines_of(path: &Path) -> io::Result<u64> {
    let mut text = BufReader::new(open_regular(path)?);
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

pub(super) fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// What is wrong with a file's bytes.
pub(super) fn check_file(export: &Path, file: &FileEntry) -> Option<String> {
    let path = export.join(&file.path);
    let wrong = |problem: String| Some(format!("{}: {problem}", file.path));
    if !is_within(&file.path) {
        return wrong("its path leads out of the export".into());
    }
    match fs::symlink_metadata(&path) {
        Err(error) => return wrong(error.to_string()),
        Ok(found) if !found.is_file() => return wrong("it is no regular file".into()),
        Ok(_) => {}
    }
    match File::open(&path).and_then(hash_of) {
        Err(error) => wrong(error.to_string()),
        Ok((_, bytes)) if bytes != file.bytes => wrong(format!("{bytes} bytes, the manifest says {}", file.bytes)),
        Ok((sha256, _)) if sha256 != file.sha256 => wrong("its hash is another".into()),
        Ok(_) => None,
    }
}
