//! The last steps of every export: its reports and manifest are written, it is held against what stands at the output, and
//! takes its place. Where its rows came from is not known here.

pub mod files;
mod replace;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::api::counts::RequestCounts;
use crate::api::page::Rejected;
use crate::archive::existing::ExistingExport;
use crate::commands::assemble::files::{complete, told_files};
use crate::commands::assemble::replace::replaces;
use crate::error::Result;
use crate::output::hashed::FileEntry;
use crate::output::manifest::{Manifest, SCHEMA_VERSION};
use crate::output::publish::Staging;
use crate::period::{Millis, format_instant};
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{DetailCounts, TotalsText};
use crate::report::changes::words;
use crate::report::terminal::Look;
use crate::report::{Report, terminal};
use crate::runs::column_set::ColumnSet;
use crate::stores::names_store;
use crate::text::{counted, labelled};

/// Rows are written, figures are made, and nothing is visible yet.
pub struct Publishing {
    pub staging: Arc<Staging>,
    pub manifest: Manifest,
    pub report: Report,
    /// The files of rows.
    pub rows: Vec<FileEntry>,
    pub rejected: Vec<Rejected>,
}

impl Publishing {
    /// Writes what is missing, and brings all of it to the disk; exit 6 if it may not take the place of the one that is there.
    pub fn complete(self, existing: Option<ExistingExport>, replace: bool) -> Result<(Arc<Staging>, Manifest, Report)> {
        let Publishing {
            staging,
            mut manifest,
            mut report,
            rows,
            rejected,
        } = self;
        if let Some(existing) = existing {
            manifest.replaced = Some(existing.replaced());
            let caveat = replaces(&existing, &parquet_paths(&staging, &rows), &mut manifest, replace)?;
            report.facts.caveats.extend(caveat);
            manifest.caveats.clone_from(&report.facts.caveats);
            report.replaced.clone_from(&manifest.replaced);
        }
        complete(&staging, &mut manifest, rows, &mut report, &rejected)?;
        staging.sync()?;
        Ok((staging, manifest, report))
    }
}

/// What an export says of itself as far as its report tells; the rest is as if there were nothing to tell.
pub fn manifest(report: &Report, columns: &ColumnSet, settle_ms: Millis) -> Manifest {
    let facts = &report.facts;
    Manifest {
        schema_version: SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        account: facts.account.clone(),
        source: facts.source,
        notice: facts.source.notice().map(String::from),
        period: (&facts.period).into(),
        is_billing_cycle: false,
        filters: facts.filters.clone(),
        queried_at: format_instant(facts.queried_at_ms),
        settle_ms,
        proof: facts.proof.clone(),
        retention: facts.retention.clone(),
        totals: TotalsText::from(&report.figures.totals),
        details: DetailCounts::default(),
        columns: columns.names().into_iter().map(String::from).collect(),
        groups: None,
        fields_mistyped: 0,
        runs_rejected: 0,
        caveats: facts.caveats.clone(),
        requests: RequestCounts::default(),
        replaced: None,
        files: Vec::new(),
    }
}

/// What is told of an export that was published at a path: its report, what it replaced, its files.
pub fn told(report: &Report, manifest: &Manifest, out: PathBuf, elapsed: Duration, look: Look) -> String {
    let mut text = terminal::render(report, look);
    if let Some(replaced) = &manifest.replaced {
        text += &format!(
            "Replaced the export of {}, which held {}\n",
            replaced.queried_at,
            counted(replaced.runs, "run", "runs")
        );
        text += &replaced.changes.as_ref().map_or(String::new(), |changes| {
            labelled("", &words::line(changes, &replaced.queried_at), 0, terminal::WIDTH) + "\n"
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
        told_files(manifest)
    );
    text + &labelled("", &wrote, 0, terminal::WIDTH) + "\n"
}
