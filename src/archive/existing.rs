//! Whether an export may take another's place: only if it knows at least as much. Reads both, changes neither.

use std::path::{Path, PathBuf};

use crate::archive::export_folder::ExportFolder;
use crate::archive::runs::{Exported, moved, pairs};
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::manifest::{Manifest, Replaced};
use crate::output::names::RUNS_CSV;
use crate::period::{Millis, format_instant};
use crate::provenance::{Account, Source};
use crate::report::caveat::Caveat;
use crate::runs::pairing::Pair;
use crate::text::{counted, thousands};

/// What stands at OUT before the job.
#[derive(Debug)]
pub struct Existing {
    /// As it is named in messages.
    shown: PathBuf,
    path: PathBuf,
    manifest: Manifest,
}

/// What an export holds that another doesn't.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Runs.
    runs: u64,
    /// US dollars of those that have a cost.
    usage: i128,
    /// How many of them have none.
    cost_unknown: u64,
    /// Runs that both hold, and of which only it knows the cost.
    costs: u64,
    /// Those costs in US dollars.
    costs_usage: i128,
}

impl Existing {
    /// The export at a path that isn't empty; exit 6 if it is none, or holds a file that its manifest doesn't list.
    pub fn read(path: &Path) -> Result<Existing> {
        let refused = |why: String| {
            Error::Output(format!(
                "{why}; apify-runs replaces only its own exports: name another --out, or move that away"
            ))
        };
        let manifest = Manifest::read(path).map_err(|problem| refused(problem.to_string()))?;
        let foreign = manifest.foreign_files(path)?;
        match foreign.first() {
            Some(file) => Err(refused(format!(
                "{} is not part of the export that is there",
                path.join(file).display()
            ))),
            None => Ok(Existing {
                shown: path.to_path_buf(),
                path: path.to_path_buf(),
                manifest,
            }),
        }
    }

    /// An export that lies elsewhere, of which the files of rows were copied into a folder.
    pub fn copied(shown: &Path, path: &Path, manifest: Manifest) -> Existing {
        Existing {
            shown: shown.to_path_buf(),
            path: path.to_path_buf(),
            manifest,
        }
    }

    /// Whether it is of a source, and of an account as far as both are known.
    pub fn is_from(&self, source: Source, account: Option<&Account>) -> bool {
        self.manifest.is_from(source, account)
    }

    /// When its job began: milliseconds since the epoch.
    pub fn queried_at_ms(&self) -> Millis {
        self.manifest.queried_at_ms
    }

    /// Its Parquet files of runs, in order.
    pub fn parquet_paths(&self) -> Vec<PathBuf> {
        let files = self.manifest.parquet_files();
        files.map(|file| self.path.join(&file.path)).collect()
    }

    /// What the manifest says of an export that is replaced.
    pub fn replaced(&self) -> Replaced {
        Replaced {
            queried_at_ms: self.manifest.queried_at_ms,
            runs: self.manifest.totals.runs,
            usage_total_usd: self.manifest.totals.usage_total_usd,
            changes: None,
        }
    }

    /// Exit 6 if it is of something else than a new export: another account, source, period or other filters. An account
    /// that the API didn't name is taken for the same: that every run is still there shows it better.
    pub fn is_of_the_same(&self, new: &Manifest) -> Result<()> {
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
            "another source (the API, or the made-up account)".to_string()
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
            "the export at {} is of {differs}; --replace replaces it all the same",
            self.shown.display()
        )))
    }

    /// Its files of rows, opened; exit 6 where its folder can't be read.
    pub fn open(&self) -> Result<ExportFolder> {
        ExportFolder::with(&self.manifest, &self.path).map_err(unclear)
    }

    /// What it holds that a new export (its Parquet files) lacks; every pair of their runs is shown to `see` as well. Exit
    /// 6 if either can't be read.
    pub fn lost_to(&self, new: &[PathBuf], mut see: impl FnMut(&Pair)) -> Result<Lost> {
        let parquet = self.parquet_paths();
        let old = if parquet.is_empty() {
            Exported::csv(self.path.join(RUNS_CSV))
        } else {
            Exported::parquet(parquet)
        };
        let new = Exported::parquet(new.to_vec());
        let moved = moved(&old, &new).map_err(unclear)?;
        let mut lost = Lost::default();
        for pair in pairs(&old, &new, &moved) {
            let pair = pair.map_err(unclear)?;
            lost.see(&pair);
            see(&pair);
        }
        Ok(lost)
    }

    /// Exit 6 if it holds runs that a new export lacks, naming how many and their dollars. Costs that only it knows are no
    /// reason to keep it, but a caveat of the new one.
    pub fn loses_no_run(&self, lost: &Lost) -> Result<Option<Caveat>> {
        if lost.runs == 0 {
            let (costs, usage_usd) = (lost.costs, Usd(lost.costs_usage));
            return Ok((costs > 0).then_some(Caveat::CostsLost { costs, usage_usd }));
        }
        let mut usage = Usd(lost.usage).dollars();
        if lost.cost_unknown > 0 {
            usage = format!("{usage}, {} of them of unknown cost", thousands(lost.cost_unknown));
        }
        Err(Error::Output(format!(
            "the export at {} holds {} ({usage}) that the new one lacks; it is left as it is (--replace replaces it all the same)",
            self.shown.display(),
            counted(lost.runs, "run", "runs"),
        )))
    }
}

/// Exit 6 for an export of which it can't be told what it holds.
pub fn unclear(problem: String) -> Error {
    Error::Output(format!(
        "cannot tell what the export that is there holds: {problem}; --replace replaces it all the same"
    ))
}

impl Lost {
    fn see(&mut self, pair: &Pair) {
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
        let mut lost = Lost::default();
        let pairs = [
            Pair::Old(run(Some(10))),
            Pair::Old(run(None)),
            Pair::Both(run(Some(3)), run(None)),
            Pair::Both(run(Some(4)), run(Some(1))),
            Pair::Both(run(None), run(None)),
            Pair::New(run(Some(7))),
        ];
        pairs.iter().for_each(|pair| lost.see(pair));
        let expected = Lost {
            runs: 2,
            usage: 10,
            cost_unknown: 1,
            costs: 1,
            costs_usage: 3,
        };
        assert_eq!(lost, expected);
    }
}
