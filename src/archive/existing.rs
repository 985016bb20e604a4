//! Whether an export may take another's place: only if it knows at least as much. Reads both, changes neither.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::archive::export::verify;
use crate::archive::export_folder::ExportFolder;
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::manifest::{Manifest, Replaced};
use crate::output::read::{RowsFile, batches_of};
use crate::period::{Millis, format_instant};
use crate::provenance::{Account, Source};
use crate::report::caveat::Caveat;
use crate::runs::pairing::{MovedIds, Pair, Pairs};
use crate::runs::run::{Key, Run, RunRecord, RunStream, records};
use crate::text::{counted, thousands};

/// The export at OUT before the job.
#[derive(Debug)]
pub struct ExistingExport {
    /// As messages name it.
    shown: PathBuf,
    path: PathBuf,
    manifest: Manifest,
}

/// What an existing export holds that a new one lacks. Dollars are summed in 10^-18.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MissingRuns {
    runs: u64,
    /// Of those that have a cost.
    usage: i128,
    cost_unknown: u64,
    /// Runs that both hold, and of which only the existing one knows the cost.
    costs: u64,
    costs_usage: i128,
}

impl ExistingExport {
    /// The export at a path that isn't empty; exit 6 if it is none, or holds a file that its manifest doesn't list.
    pub fn read(path: &Path) -> Result<ExistingExport> {
        let refused = |why: &dyn Display| {
            Error::Output(format!(
                "{why}; apify-runs replaces only its own exports: use another --out, or move these files away"
            ))
        };
        let manifest = Manifest::read(path).map_err(|why| refused(&why))?;
        match manifest.foreign_files(path)?.first() {
            Some(file) => Err(refused(&format_args!(
                "{} is not part of the existing export",
                path.join(file).display()
            ))),
            None => Ok(ExistingExport::copied(path, path, manifest)),
        }
    }

    /// An export that lies elsewhere, of which the files of rows were copied into a folder.
    pub fn copied(shown: &Path, path: &Path, manifest: Manifest) -> ExistingExport {
        ExistingExport {
            shown: shown.to_path_buf(),
            path: path.to_path_buf(),
            manifest,
        }
    }

    pub fn is_from(&self, source: Source, account: Option<&Account>) -> bool {
        self.manifest.is_from(source, account)
    }

    /// When its job began.
    pub fn queried_at_ms(&self) -> Millis {
        self.manifest.queried_at_ms
    }

    /// Its Parquet files of runs, in order.
    pub fn parquet_paths(&self) -> Vec<PathBuf> {
        let files = self.manifest.parquet_files();
        files.map(|file| self.path.join(&file.path)).collect()
    }

    /// What the manifest of the export that replaces it says of it.
    pub fn replaced(&self) -> Replaced {
        Replaced {
            queried_at_ms: self.manifest.queried_at_ms,
            runs: self.manifest.totals.runs,
            usage_total_usd: self.manifest.totals.usage_total_usd,
            changes: None,
        }
    }

    /// Exit 6 if a new export is of another account, source, period or filters. An account that the API didn't name is taken
    /// for the same: that every run is still there shows it better.
    pub fn check_same_scope(&self, new: &Manifest) -> Result<()> {
        let old = &self.manifest;
        let period = |m: &Manifest| {
            format!(
                "{} to {}",
                format_instant(m.period.from),
                format_instant(m.period.requested_to)
            )
        };
        let account = |m: &Manifest| m.account.as_ref().map(|account| account.id.clone());
        let differs = if old.source != new.source {
            "another source (Apify or the made-up account)".to_string()
        } else if account(old).zip(account(new)).is_some_and(|(old, new)| old != new) {
            "another account".to_string()
        } else if period(old) != period(new) {
            format!("another period ({})", period(old))
        } else if old.filters != new.filters {
            "other filters".to_string()
        } else {
            return Ok(());
        };
        Err(Error::Output(format!(
            "{} holds an export with {differs}: use another --out, or --replace",
            self.shown.display()
        )))
    }

    /// Exit 6 if only it has Apify's count of the period, or only it has builds.
    pub fn check_usage_kept(&self, new: &Manifest) -> Result<()> {
        let has = |m: &Manifest| {
            let usage = m.usage.as_ref();
            usage.map_or((false, false), |usage| {
                (usage.counted.is_some(), usage.builds.is_some())
            })
        };
        let lost = match (has(&self.manifest), has(new)) {
            ((true, _), (false, _)) => "the usage that Apify counts",
            ((_, true), (_, false)) => "the account's builds",
            _ => return Ok(()),
        };
        Err(Error::Output(format!(
            "the export at {} has {lost}, which the new one lacks, so it was not replaced; use --replace to replace it",
            self.shown.display()
        )))
    }

    /// What it holds that a new export (its Parquet files) lacks; every pair of their runs is shown to `see` as well. Exit 6 if
    /// either can't be read, or if this one isn't what its manifest says: it may have held more.
    pub fn missing_in(&self, new: &[PathBuf], mut see: impl FnMut(&Pair)) -> Result<MissingRuns> {
        let old = ExportFolder::with_manifest(&self.manifest, &self.path).map_err(unclear)?;
        verify::check_rows(&old).map_err(unclear)?;
        let moved = MovedIds::find(records(old.rows(Some(Key::COLUMNS))), stream(new), || stream(new));
        let moved = moved.map_err(unclear)?;
        let mut missing = MissingRuns::default();
        for pair in Pairs::new(records(old.rows(Some(Run::COLUMNS))), stream(new), &moved) {
            let pair = pair.map_err(unclear)?;
            missing.add(&pair);
            see(&pair);
        }
        Ok(missing)
    }

    /// Exit 6 if it holds runs that a new export lacks, naming how many and their dollars. Costs that only it knows are no
    /// reason to keep it, but a caveat of the new one.
    pub fn check_nothing_lost(&self, missing: &MissingRuns) -> Result<Option<Caveat>> {
        if missing.runs == 0 {
            let (costs, usage_usd) = (missing.costs, Usd(missing.costs_usage));
            return Ok((costs > 0).then_some(Caveat::CostsLost { costs, usage_usd }));
        }
        let mut usage = Usd(missing.usage).dollars();
        if missing.cost_unknown > 0 {
            usage = format!("{usage}, and {} of unknown cost", thousands(missing.cost_unknown));
        }
        Err(Error::Output(format!(
            "the export at {} has {} ({usage}) that the new one lacks, so it was not replaced; use --replace to replace it",
            self.shown.display(),
            counted(missing.runs, "run", "runs"),
        )))
    }
}

/// The records of Parquet files, each opened when it is read: there may be more files than a process may have open.
fn stream<'r, T: RunRecord + 'r>(files: &'r [PathBuf]) -> RunStream<'r, T> {
    let files = files.iter().map(|path| RowsFile::open(path));
    records(batches_of(files, Some(T::COLUMNS)))
}

/// Exit 6 for an export whose content can't be told.
fn unclear(problem: impl Display) -> Error {
    Error::Output(format!(
        "cannot read the existing export: {problem}; use --replace to replace it"
    ))
}

impl MissingRuns {
    fn add(&mut self, pair: &Pair) {
        match pair {
            Pair::Old(run) => {
                self.runs += 1;
                self.usage = self.usage.saturating_add(run.usage.unwrap_or_default().0);
                self.cost_unknown += u64::from(run.usage.is_none());
            }
            Pair::Both(old, new) if new.usage.is_none() => {
                self.costs += u64::from(old.usage.is_some());
                self.costs_usage = self.costs_usage.saturating_add(old.usage.unwrap_or_default().0);
            }
            Pair::Both(..) | Pair::New(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::run::Run;

    fn run(usage: Option<i128>) -> Run {
        Run {
            id: "r".into(),
            act_id: "a".into(),
            act_name: None,
            status: "SUCCEEDED".into(),
            started_at_ms: 0,
            finished_at_ms: None,
            usage: usage.map(Usd),
            cost_state: "settled".into(),
        }
    }

    #[test]
    fn what_is_missing_is_lost_and_so_is_a_cost_that_only_the_old_one_knew() {
        let mut missing = MissingRuns::default();
        let pairs = [
            Pair::Old(run(Some(10))),
            Pair::Old(run(None)),
            Pair::Both(run(Some(3)), run(None)),
            Pair::Both(run(Some(4)), run(Some(1))),
            Pair::Both(run(None), run(None)),
            Pair::New(run(Some(7))),
        ];
        pairs.iter().for_each(|pair| missing.add(pair));
        let expected = MissingRuns {
            runs: 2,
            usage: 10,
            cost_unknown: 1,
            costs: 1,
            costs_usage: 3,
        };
        assert_eq!(missing, expected);
    }
}
