//! The reports and the manifest of every export, put together in its staging folder. Where its rows came from is not known
//! here, and nothing becomes visible: that is `destination`'s.

pub mod files;
mod replace;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::api::counts::RequestCounts;
use crate::api::item::RejectedItem;
use crate::archive::existing::ExistingExport;
use crate::context::blocking::run_blocking;
use crate::error::Result;
use crate::output::hashed::FileEntry;
use crate::output::manifest::{Manifest, SCHEMA_VERSION};
use crate::output::modes::Modes;
use crate::output::publish::Staging;
use crate::output::report_csv::ReportCsvForm;
use crate::paths::names_store;
use crate::period::{Millis, format_instant, rules_version};
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{DetailCounts, GroupRule};
use crate::report::caveat;
use crate::report::diff::words;
use crate::report::terminal::TerminalLook;
use crate::report::{Report, terminal};
use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state;
use crate::runs::schema::PERSONAL;
use crate::text::{counted, wrap_labelled};
use files::{file_list, write_files};
use replace::compare_to_existing;

/// What an export is put together from: rows are written, figures are made.
pub struct ExportParts {
    pub report: Report,
    pub rows: Vec<FileEntry>,
    pub rejected: Vec<RejectedItem>,
    pub manifest: ManifestInput,
}

/// The fields of a manifest that no report has.
pub struct ManifestInput {
    pub columns: ColumnSet,
    pub settle_ms: Millis,
    pub is_billing_cycle: bool,
    pub details: DetailCounts,
    pub report_csv: ReportCsvForm,
    pub groups: Option<Vec<GroupRule>>,
    pub fields_mistyped: u64,
    pub requests: RequestCounts,
}

impl ManifestInput {
    /// Without requests: rows that came from a lake.
    pub fn new(columns: ColumnSet) -> ManifestInput {
        ManifestInput {
            columns,
            settle_ms: cost_state::DEFAULT_SETTLE_MS,
            is_billing_cycle: false,
            details: DetailCounts::default(),
            report_csv: ReportCsvForm::default(),
            groups: None,
            fields_mistyped: 0,
            requests: RequestCounts::default(),
        }
    }
}

/// All files of an export, in its staging folder and on the disk.
pub struct Assembled {
    pub staging: Arc<Staging>,
    pub manifest: Manifest,
    pub report: Report,
}

impl Assembled {
    /// Who may read it: rejected items are as the API sent them, with all that they tell of people.
    pub fn modes(&self, chosen: Option<u32>, umask: u32) -> Modes {
        let has_column = |name: &&str| self.manifest.columns.iter().any(|column| column == name);
        let is_personal = PERSONAL.iter().any(has_column) || self.manifest.runs_rejected > 0;
        Modes::new(chosen, umask, is_personal)
    }
}

/// Writes what is missing beside the rows, the manifest last; exit 6 if the export may not take the place of the one that is
/// there.
pub async fn assemble(
    staging: Arc<Staging>,
    parts: ExportParts,
    existing: Option<ExistingExport>,
    replace: bool,
) -> Result<Assembled> {
    run_blocking(move |_| assemble_blocking(staging, parts, existing, replace)).await
}

/// The same on the caller's thread.
pub fn assemble_blocking(
    staging: Arc<Staging>,
    parts: ExportParts,
    existing: Option<ExistingExport>,
    replace: bool,
) -> Result<Assembled> {
    let ExportParts {
        mut report,
        rows,
        rejected,
        manifest: input,
    } = parts;
    let mut manifest = manifest(&report, input, rejected.len() as u64);
    if let Some(existing) = existing {
        let new_rows = parquet_paths(&staging, &rows);
        let caveat = compare_to_existing(&existing, &new_rows, &mut manifest, replace)?;
        report.facts.caveats.extend(caveat);
        report.replaced.clone_from(&manifest.replaced);
        manifest.set_caveats(&report.facts.caveats);
    }
    write_files(&staging, &mut manifest, rows, &mut report, &rejected)?;
    staging.sync()?;
    Ok(Assembled {
        staging,
        manifest,
        report,
    })
}

/// The manifest, but for what the export replaces and for its files.
fn manifest(report: &Report, input: ManifestInput, runs_rejected: u64) -> Manifest {
    let facts = &report.facts;
    Manifest {
        schema_version: SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        account: facts.account.clone(),
        source: facts.source,
        notice: facts.source.notice().map(String::from),
        period: facts.period.clone(),
        timezone_rules: Some(rules_version().into()),
        is_billing_cycle: input.is_billing_cycle,
        filters: facts.filters.clone(),
        queried_at_ms: facts.queried_at_ms,
        settle_ms: input.settle_ms,
        proof: facts.proof.clone(),
        retention: facts.retention.clone(),
        totals: (&report.figures.totals).into(),
        usage: report.usage.as_ref().map(|usage| usage.facts.clone()),
        details: input.details,
        columns: input.columns.names().into_iter().map(String::from).collect(),
        report_csv: input.report_csv,
        groups: input.groups,
        fields_mistyped: input.fields_mistyped,
        runs_rejected,
        caveats: caveat::sentences(&facts.caveats),
        caveat_details: Some(caveat::details(&facts.caveats)),
        requests: input.requests,
        replaced: None,
        files: Vec::new(),
    }
}

/// The summary of an export that was published at a path: its report, what it replaced, its files.
pub fn summary(report: &Report, manifest: &Manifest, out: PathBuf, elapsed: Duration, look: TerminalLook) -> String {
    let mut text = terminal::render(report, look);
    if let Some(replaced) = &manifest.replaced {
        text += &format!(
            "Replaced the export that was queried at {}, with {}\n",
            format_instant(replaced.queried_at_ms),
            counted(replaced.runs, "run", "runs")
        );
        text += &replaced.changes.as_ref().map_or(String::new(), |changes| {
            wrap_labelled("", &words::line(changes, replaced.queried_at_ms), 0, terminal::WIDTH) + "\n"
        });
    }
    let out = if out.is_relative() && !names_store(&out) {
        PathBuf::from(".").join(out)
    } else {
        out
    };
    let wrote = format!(
        "Wrote {} in {:.1} s: {}",
        out.display(),
        elapsed.as_secs_f64(),
        file_list(manifest)
    );
    text += &(wrap_labelled("", &wrote, 0, terminal::WIDTH) + "\n");
    look.style.letters(&text)
}
