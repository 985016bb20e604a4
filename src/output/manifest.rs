//! `manifest.json`: what an export holds and what it stands for. Written last, so that a folder that has one is whole.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::counts::RequestCounts;
use crate::bounded::{MAX_MANIFEST_BYTES, read_regular};
use crate::error::{Error, Result};
use crate::leftovers::is_leftover;
use crate::output::hashed::FileEntry;
use crate::output::names::MANIFEST;
use crate::output::report_csv::ReportCsvForm;
use crate::period::{Millis, Period, instant_text};
pub use crate::provenance::Replaced;
use crate::provenance::{Account, DetailCounts, Filters, GroupRule, Proof, Retention, Source, Totals, UsageFacts};
use crate::report::caveat::{self, Caveat};
use crate::text::json_document;

/// The version of this document's shape.
pub const SCHEMA_VERSION: u32 = 1;

/// The manifest of an export: what it holds, of which period, and whether it is complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// The version of apify-runs that wrote it.
    pub tool_version: String,
    /// The account of the runs; null if it is unknown.
    pub account: Option<Account>,
    /// The source of the runs.
    pub source: Source,
    /// A notice about the source that every output shows; null if there is none.
    #[serde(default)]
    pub notice: Option<String>,
    /// The period.
    pub period: Period,
    /// The release of the IANA time zone database that decides when days begin, such as 2026c; earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone_rules: Option<String>,
    /// Whether the period is one of Apify's billing cycles.
    #[serde(default)]
    pub is_billing_cycle: bool,
    /// The filters of the export.
    pub filters: Filters,
    /// The job's start.
    #[serde(rename = "queried_at", with = "instant_text")]
    pub queried_at_ms: Millis,
    /// How long before the job's start a run must have ended for its cost to be settled, in milliseconds.
    pub settle_ms: i64,
    /// Whether all runs were received.
    pub proof: Proof,
    /// Apify's retention, compared with the period; null if it is unknown.
    #[serde(default)]
    pub retention: Option<Retention>,
    /// Figures of all runs.
    pub totals: Totals,
    /// Apify's own count of the period, and builds; null if they were not requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageFacts>,
    /// Counts of the details of single runs.
    #[serde(default)]
    pub details: DetailCounts,
    /// The columns of the rows, in order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The form of the reports in CSV, where it is not the standard one.
    #[serde(default, skip_serializing_if = "ReportCsvForm::is_standard")]
    pub report_csv: ReportCsvForm,
    /// The rules of `--groups`; empty without the option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<GroupRule>>,
    /// Known fields of a wrong type; their raw values are in `extra`.
    pub fields_mistyped: u64,
    /// Items that are not valid runs; they are in `rejected.jsonl`.
    pub runs_rejected: u64,
    /// Caveats as sentences.
    pub caveats: Vec<String>,
    /// Caveats with codes and counts; earlier versions did not write them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveat_details: Option<Vec<Value>>,
    /// Requests that were sent, and bytes that were received.
    pub requests: RequestCounts,
    /// The export that this one replaced.
    pub replaced: Option<Replaced>,
    /// Every file of the export except the manifest.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// What the reader of a figure must know.
    pub fn caveats(&self) -> Vec<Caveat> {
        Caveat::of_manifest(&self.caveats, self.caveat_details.as_deref().unwrap_or_default())
    }

    pub fn set_caveats(&mut self, caveats: &[Caveat]) {
        self.caveats = caveat::sentences(caveats);
        self.caveat_details = Some(caveat::details(caveats));
    }

    /// The document as text.
    pub fn to_json(&self) -> String {
        json_document(self)
    }

    /// Reads an export's manifest; the error says why the folder is no export.
    pub fn read(export: &Path) -> anyhow::Result<Manifest> {
        let path = export.join(MANIFEST);
        let text = read_regular(&path, MAX_MANIFEST_BYTES).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound if !export.exists() => anyhow::anyhow!("{} does not exist", export.display()),
            std::io::ErrorKind::NotFound => anyhow::anyhow!("{} has no {MANIFEST}", export.display()),
            _ => anyhow::anyhow!("cannot read {}: {error}", path.display()),
        })?;
        document(&text).map_err(|error| anyhow::anyhow!(no_manifest(&path, error)))
    }

    /// Whether a folder holds one, whole or broken.
    pub fn is_there(folder: &Path) -> bool {
        read_regular(&folder.join(MANIFEST), MAX_MANIFEST_BYTES).is_ok_and(|text| !is_anothers(&text))
    }

    /// The manifest of an export that is to be read, from its bytes: exit 2 where it is another tool's, or one of another
    /// version; exit 5 where it is broken.
    pub fn parse(text: &[u8], export: &Path) -> Result<Manifest> {
        let manifest: Manifest = document(text).map_err(|error| {
            let problem = no_manifest(&export.join(MANIFEST), error);
            if is_anothers(text) {
                Error::Usage(problem)
            } else {
                Error::Untrusted(problem)
            }
        })?;
        if let Some(file) = manifest.files.iter().find(|file| !is_within(&file.path)) {
            let (path, export) = (&file.path, export.display());
            return Err(Error::Untrusted(format!(
                "{export}: {path}: its path leaves the export"
            )));
        }
        if manifest.schema_version == SCHEMA_VERSION {
            return Ok(manifest);
        }
        Err(Error::Usage(format!(
            "{} was written by apify-runs {}: its manifest has schema_version {}, this version reads {SCHEMA_VERSION}",
            export.display(),
            manifest.tool_version,
            manifest.schema_version
        )))
    }

    /// Whether it is of this source and, where both accounts are known, of this account.
    pub fn is_from(&self, source: Source, account: Option<&Account>) -> bool {
        let known = self.account.as_ref().zip(account);
        self.source == source && known.is_none_or(|(old, new)| old.id == new.id)
    }

    /// Its Parquet files of runs, in order.
    pub fn parquet_files(&self) -> impl Iterator<Item = &FileEntry> {
        let is_parquet = |path: &str| path.ends_with(".parquet") && path.starts_with("runs") && is_within(path);
        self.files.iter().filter(move |file| is_parquet(&file.path))
    }

    /// The files of an export's folder that its manifest doesn't list, as paths within it.
    pub fn foreign_files(&self, export: &Path) -> Result<Vec<String>> {
        let listed = self.files.iter().map(|file| file.path.as_str());
        let listed: BTreeSet<&str> = listed.chain([MANIFEST]).collect();
        let mut files = files_below(export)?;
        files.retain(|path| !listed.contains(path.as_str()));
        Ok(files)
    }
}

/// The document in a text; the error names the field.
fn document(text: &[u8]) -> Result<Manifest, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(text))
}

fn no_manifest(path: &Path, error: impl Display) -> String {
    format!("{} is not a manifest of apify-runs: {error}", path.display())
}

/// Whether a document is whole and makes no claim to be of this tool: many have a file of that name.
fn is_anothers(text: &[u8]) -> bool {
    let document = serde_json::from_slice::<serde_json::Value>(text);
    document.is_ok_and(|document| document.get("schema_version").is_none() && document.get("tool_version").is_none())
}

/// Whether a manifest's path stays within its export.
pub fn is_within(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Every file below a folder, as paths within it with `/`, in order. A link counts as a file; what desktops leave is passed over.
pub fn files_below(folder: &Path) -> Result<Vec<String>> {
    fn walk(folder: &Path, prefix: &str, into: &mut Vec<String>) -> Result<()> {
        let failed = |error| Error::output("read", folder, error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_leftover(&name) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type().map_err(failed)?.is_dir() {
                walk(&entry.path(), &format!("{path}/"), into)?;
            } else {
                into.push(path);
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    files.sort();
    Ok(files)
}
