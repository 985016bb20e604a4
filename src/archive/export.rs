//! An export as something that is held: one period, all of it checked against the manifest whenever it is read.

pub mod files;
pub mod report_json;
pub mod reports;
pub mod rows;
pub mod verify;

use std::path::Path;
use std::sync::Arc;

use crate::archive::export_folder::ExportFolder;
use crate::archive::part::{holds, rows_again, within};
use crate::archive::runs::Exported;
use crate::archive::{Content, Depth, Held, Holding, See, Verified};
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::period::Period;
use crate::provenance::Retention;
use crate::report::caveat::Caveat;
use crate::report::facts::{Facts, QualityCounts, caveats_of_part};
use crate::report::figures::Figures;
use crate::report::summary::Summary;
use crate::runs::column_set::Chosen;
use crate::runs::pairing::Reading;
use crate::runs::run::{Key, Run};

/// An export that is there.
pub struct Exporting {
    folder: Arc<ExportFolder>,
    runs: Result<Exported, String>,
}

impl Exporting {
    /// The one in a folder.
    pub fn of(folder: Arc<ExportFolder>) -> Exporting {
        Exporting {
            runs: Exported::of(&folder),
            folder,
        }
    }

    /// Its files, to be served; `None` if its manifest is still the one with this stamp.
    pub fn content(self, known: Option<&str>) -> Result<Option<Content>> {
        let stamp = self.manifest().to_json();
        if known == Some(&stamp) {
            return Ok(None);
        }
        let (account, source) = (self.manifest().account.clone(), self.manifest().source);
        verify::read_rows(&self.folder, |_| Ok(()))?;
        let files = self.runs.map_err(Error::Untrusted)?.open()?;
        Ok(Some(Content {
            account,
            source,
            stamp,
            files: files.into_iter().map(|file| vec![file]).collect(),
        }))
    }

    fn manifest(&self) -> &Manifest {
        self.folder.manifest()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn whole(&self) -> Period {
        self.manifest().period.clone()
    }

    /// What is kept of a part of its period, and the caveats of the whole made true of it.
    fn of_part(&self, period: &Period, figures: &Figures) -> (Option<Retention>, Vec<Caveat>) {
        let manifest = self.manifest();
        let retention = manifest.retention.as_ref();
        let retention = retention.map(|kept| Retention::of(kept.days, period, manifest.queried_at_ms));
        let of_part = QualityCounts {
            cost_unknown: figures.totals.cost_unknown(),
            provisional: figures.totals.provisional.runs,
            retention: retention.clone(),
            cut: period.is_cut(),
            no_run: figures.totals.runs() == 0,
            proven: true,
            ..QualityCounts::default()
        };
        let caveats = caveats_of_part(&manifest.caveats(), &of_part);
        (retention, caveats)
    }

    fn reading<'r, T: 'r>(&'r self, of: impl FnOnce(&'r Exported) -> Reading<'r, T>) -> Reading<'r, T> {
        match &self.runs {
            Ok(runs) => of(runs),
            Err(why) => Box::new(std::iter::once(Err(why.clone()))),
        }
    }
}

impl Holding for Exporting {
    fn held(&self) -> Result<Held> {
        let manifest = self.manifest();
        Ok(Held {
            shown: self.path().display().to_string(),
            account: manifest.account.clone(),
            source: manifest.source,
            notice: manifest.notice.clone(),
            period: self.whole(),
            is_of_one_period: true,
            is_billing_cycle: manifest.is_billing_cycle,
            filters: manifest.filters.clone(),
            queried_at_ms: manifest.queried_at_ms,
            groups: manifest.groups.clone(),
            totals: Some(manifest.totals.clone()),
            replaced: manifest.replaced.clone(),
            files: manifest.files.clone(),
        })
    }

    fn columns(&self) -> Result<Chosen> {
        let columns = self.manifest().columns.iter().map(String::as_str);
        Chosen::of_names(columns)
            .map_err(|problem| Error::Untrusted(format!("{}: manifest.json: {problem}", self.path().display())))
    }

    fn part(&self, asked: &Period) -> Result<Option<Period>> {
        let whole = self.whole();
        let is_held = holds(&whole, asked) && asked.from < whole.to;
        Ok(is_held.then(|| Period {
            to: asked.requested_to.min(whole.to),
            ..asked.clone()
        }))
    }

    fn is_proven(&self, _period: &Period) -> bool {
        self.manifest().proof.proven
    }

    fn facts(&self, period: Period, figures: &Figures) -> Result<Facts> {
        let (manifest, whole) = (self.manifest(), self.whole());
        let is_part = (period.from, period.to) != (whole.from, whole.to);
        let (retention, caveats) = if is_part {
            self.of_part(&period, figures)
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
            retention,
            caveats,
        })
    }

    fn read(&self, period: &Period, _columns: &Chosen, mut summary: Option<Summary>, see: &mut See) -> Result<Figures> {
        let as_exported = verify::read_verified(&self.folder, |batch| {
            let rows = within(batch, period);
            see(&rows)?;
            summary.as_mut().map_or(Ok(()), |summary| summary.add(&rows))
        })?;
        Ok(summary.map_or(as_exported, Summary::finish))
    }

    fn checked(&self, period: &Period, _columns: &Chosen, see: &mut See) -> Result<()> {
        verify::read_rows(&self.folder, |batch| see(&within(batch, period)))
    }

    fn again(&self, period: &Period, _columns: &Chosen, see: &mut See) -> Result<()> {
        rows_again(&self.folder, |batch| see(&within(batch, period)))
    }

    fn runs(&self, _period: &Period) -> Reading<'_, Run> {
        self.reading(Exported::runs)
    }

    fn keys(&self, _period: &Period) -> Reading<'_, Key> {
        self.reading(Exported::keys)
    }

    fn verify(&self, depth: Depth) -> Result<Verified> {
        verify::verified(&self.folder, depth)
    }
}
