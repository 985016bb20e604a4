//! An export as an archive: one period, all of it checked against the manifest whenever it is read.

pub mod files;
mod random_access;
mod report_json;
mod reports;
mod rows;
pub mod verify;

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::archive::export_folder::ExportFolder;
use crate::archive::{Archive, ArchiveInfo, BatchVisitor, Depth, ServedFiles, Verification};
use crate::error::{Error, ReadError, Result};
use crate::period::{Millis, Period, parse_instant, parse_timezone};
use crate::provenance::Retention;
use crate::report::facts::{Doubts, Facts, caveats_of_part};
use crate::report::figures::Figures;
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
            files: random_access::open(self)?.into_iter().map(|file| vec![file]).collect(),
        }))
    }

    /// Its period; exit 5 where its manifest has none that makes sense, or doesn't say when the API was asked.
    fn period(&self) -> Result<Period> {
        let text = &self.manifest().period;
        let instants = parse_instant(&text.from)
            .zip(parse_instant(&text.to))
            .zip(parse_instant(&text.requested_to));
        let parsed = instants.zip(parse_timezone(&text.timezone).ok());
        let parsed = parsed.filter(|(((from, to), requested_to), _)| from < to && to <= requested_to);
        let (((from, to), requested_to), timezone) = parsed.ok_or_else(|| self.without_period())?;
        self.queried_at_ms()?;
        Ok(Period {
            from,
            to,
            requested_to,
            timezone,
        })
    }

    /// When its job began.
    fn queried_at_ms(&self) -> Result<Millis> {
        parse_instant(&self.manifest().queried_at).ok_or_else(|| self.without_period())
    }

    fn without_period(&self) -> Error {
        Error::Untrusted(format!("{}: its period makes no sense", self.path().display()))
    }

    /// What is kept of a part of its period, and the caveats of the whole made true of it.
    fn of_part(&self, whole: &Period, period: &Period, figures: &Figures) -> Result<(Option<Retention>, Vec<String>)> {
        let manifest = self.manifest();
        let kept = manifest.retention.as_ref();
        let doubts = |cost_unknown, provisional, retention, cut, runs| Doubts {
            cost_unknown,
            provisional,
            retention,
            cut,
            no_run: runs == 0,
            proven: true,
            ..Doubts::default()
        };
        let queried_at_ms = self.queried_at_ms()?;
        let retention = kept.map(|kept| Retention::of(kept.days, period, queried_at_ms));
        let (totals, part) = (&manifest.totals, &figures.totals);
        let of_whole = doubts(
            totals.runs_cost_unknown,
            totals.runs_provisional,
            kept.cloned(),
            whole.is_cut(),
            totals.runs,
        );
        let of_part = doubts(
            part.cost_unknown(),
            part.provisional.runs,
            retention.clone(),
            period.is_cut(),
            part.runs(),
        );
        let caveats = caveats_of_part(&manifest.caveats, &of_whole, &of_part);
        Ok((retention, caveats))
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
            period: self.period()?,
            is_of_one_period: true,
            is_billing_cycle: manifest.is_billing_cycle,
            filters: manifest.filters.clone(),
            queried_at_ms: self.queried_at_ms()?,
            groups: manifest.groups.clone(),
            totals: Some(manifest.totals.clone()),
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
        let whole = self.period()?;
        let is_covered = covers(&whole, asked) && asked.from < whole.to;
        Ok(is_covered.then(|| Period {
            to: asked.requested_to.min(whole.to),
            ..asked.clone()
        }))
    }

    fn is_proven(&self, _period: &Period) -> bool {
        self.manifest().proof.proven
    }

    fn facts(&self, period: Period, figures: &Figures) -> Result<Facts> {
        let (manifest, whole) = (self.manifest(), self.period()?);
        let is_part = (period.from, period.to) != (whole.from, whole.to);
        let (retention, caveats) = if is_part {
            self.of_part(&whole, &period, figures)?
        } else {
            (manifest.retention.clone(), manifest.caveats.clone())
        };
        // Budgets are a report's own: those that the export was held against are no part of its figures.
        let caveats = caveats
            .into_iter()
            .filter(|caveat| !caveat.contains("is of --budget "))
            .collect();
        Ok(Facts {
            account: manifest.account.clone(),
            source: manifest.source,
            period,
            part_of: is_part.then_some(whole),
            filters: manifest.filters.clone(),
            queried_at_ms: self.queried_at_ms()?,
            proof: manifest.proof.clone(),
            by_syncs: false,
            retention,
            caveats,
        })
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
