//! An export as an archive: one period, all of it checked against the manifest whenever it is read.

pub mod files;
mod random_access;
mod report_json;
mod reports;
mod rows;
mod usage;
pub mod verify;

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::archive::export_folder::ExportFolder;
use crate::archive::{Archive, ArchiveInfo, BatchVisitor, Depth, ServedFiles, Verification};
use crate::error::{Error, ReadError, Result};
use crate::period::Period;
use crate::provenance::Retention;
use crate::report::account_usage::AccountUsage;
use crate::report::caveat::Caveat;
use crate::report::facts::{Facts, QualityCounts, caveats_of_part};
use crate::report::figures::Figures;
use crate::report::measures::Measures;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;
use crate::runs::run::{Key, Run, RunRecord, RunStream, records};
use crate::runs::run_columns::RunColumns;

impl ExportFolder {
    /// Its files, checked and opened to be served; `None` if its manifest is still the one with this stamp.
    pub fn served_files(&self, known: Option<&str>) -> Result<Option<ServedFiles>> {
        let stamp = self.manifest().to_json();
        if known == Some(&stamp) {
            return Ok(None);
        }
        verify::read_rows(self, |_| Ok(()))?;
        Ok(Some(ServedFiles {
            account: self.manifest().account.clone(),
            source: self.manifest().source,
            stamp,
            usage: self.kept_usage()?,
            files: random_access::open(self)?.into_iter().map(|file| vec![file]).collect(),
        }))
    }

    fn kept_usage(&self) -> Result<Option<AccountUsage>> {
        let usage = usage::read_usage(self);
        usage.map_err(|problem| Error::untrusted(problem.in_file(self.path().display())))
    }

    /// What is kept of a part of its period, and the caveats of the whole made true of it.
    fn of_part(&self, period: &Period, totals: &Measures) -> (Option<Retention>, Vec<Caveat>) {
        let manifest = self.manifest();
        let retention = manifest.retention.as_ref();
        let retention = retention.map(|kept| Retention::of(kept.days, period, manifest.queried_at_ms));
        let of_part = QualityCounts {
            cost_unknown: totals.cost_unknown(),
            provisional: totals.provisional.runs,
            retention: retention.clone(),
            cut: period.is_cut(),
            no_run: totals.runs() == 0,
            proven: true,
            ..QualityCounts::default()
        };
        let caveats = caveats_of_part(&manifest.caveats(), &of_part);
        (retention, caveats)
    }
}

/// Whether an export's period covers another, both as they were asked for.
fn covers(export: &Period, period: &Period) -> bool {
    export.from <= period.from && period.requested_to <= export.requested_to
}

/// Rows of a batch that started within a period; batches are in order of their start.
fn slice_rows(batch: &RecordBatch, period: &Period) -> RecordBatch {
    let started = RunColumns(batch)
        .instants("started_at")
        .expect("every export has it")
        .values();
    let first = started.partition_point(|at| *at < period.from);
    let end = started.partition_point(|at| *at < period.to).max(first);
    batch.slice(first, end - first)
}

/// Shared with [`super::ArchiveOpener`], which asks it afterwards whether it was replaced meanwhile.
impl Archive for Arc<ExportFolder> {
    fn info(&self) -> Result<ArchiveInfo> {
        let manifest = self.manifest();
        Ok(ArchiveInfo {
            shown: self.path().display().to_string(),
            account: manifest.account.clone(),
            source: manifest.source,
            notice: manifest.notice.clone(),
            period: manifest.period.clone(),
            is_of_one_period: true,
            is_billing_cycle: manifest.is_billing_cycle,
            filters: manifest.filters.clone(),
            queried_at_ms: manifest.queried_at_ms,
            groups: manifest.groups.clone(),
            totals: Some(manifest.totals.clone()),
            has_counted_usage: manifest.usage.as_ref().is_some_and(|usage| usage.counted.is_some()),
            replaced: manifest.replaced.clone(),
            files: manifest.files.clone(),
        })
    }

    fn columns(&self) -> Result<ColumnSet> {
        let columns = self.manifest().columns.iter().map(String::as_str);
        let read = |problem: ReadError| problem.at("manifest.json").in_file(self.path().display());
        ColumnSet::from_names(columns).map_err(|problem| Error::untrusted(read(problem)))
    }

    fn slice_period(&self, asked: &Period) -> Result<Option<Period>> {
        let whole = self.manifest().period.clone();
        let is_covered = covers(&whole, asked) && asked.from < whole.to;
        Ok(is_covered.then(|| Period {
            to: asked.requested_to.min(whole.to),
            ..asked.clone()
        }))
    }

    fn is_proven(&self, _period: &Period) -> bool {
        self.manifest().proof.proven
    }

    fn facts(&self, period: Period, totals: &Measures, is_filtered: bool) -> Result<Facts> {
        let (manifest, whole) = (self.manifest(), self.manifest().period.clone());
        let is_part = (period.from, period.to) != (whole.from, whole.to);
        let (retention, caveats) = if is_part || is_filtered {
            self.of_part(&period, totals)
        } else {
            (manifest.retention.clone(), manifest.caveats())
        };
        // Budgets are a report's own: those that the export was held against are no part of its figures.
        let caveats = caveats
            .into_iter()
            .filter(|caveat| !matches!(caveat, Caveat::BudgetUnmatched { .. }))
            .collect();
        Ok(Facts {
            account: manifest.account.clone(),
            source: manifest.source,
            period,
            part_of: is_part.then_some(whole),
            filters: manifest.filters.clone(),
            queried_at_ms: manifest.queried_at_ms,
            proof: manifest.proof.clone(),
            by_syncs: false,
            accounts: Vec::new(),
            retention,
            caveats,
        })
    }

    fn usage(&self, period: &Period) -> Result<Option<AccountUsage>> {
        let usage = self.kept_usage()?;
        let whole = &self.manifest().period;
        let is_part = (period.from, period.to) != (whole.from, whole.to);
        Ok(usage.map(|usage| if is_part { usage.part(period) } else { usage }))
    }

    fn read(
        &self,
        period: &Period,
        _columns: &ColumnSet,
        mut summary: Option<Summary>,
        see: &mut BatchVisitor,
    ) -> Result<Figures> {
        let as_exported = verify::read_verified(self, |batch| {
            let rows = slice_rows(batch, period);
            see(&rows)?;
            summary.as_mut().map_or(Ok(()), |summary| summary.add(&rows))
        })?;
        Ok(summary.map_or(as_exported, Summary::finish))
    }

    fn read_rows(&self, period: &Period, _columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()> {
        verify::read_rows(self, |batch| see(&slice_rows(batch, period)))
    }

    fn reread(&self, period: &Period, _columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()> {
        let mut batches = self.rows(None);
        batches.try_for_each(|batch| see(&slice_rows(&batch.map_err(Error::untrusted)?, period)))
    }

    fn runs(&self, _period: &Period) -> RunStream<'_, Run> {
        records(self.rows(Some(Run::COLUMNS)))
    }

    fn keys(&self, _period: &Period) -> RunStream<'_, Key> {
        records(self.rows(Some(Key::COLUMNS)))
    }

    fn verify(&self, depth: Depth) -> Result<Verification> {
        verify::verify(self, depth)
    }
}
