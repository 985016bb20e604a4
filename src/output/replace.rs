//! Whether an export may take another's place: only if it knows at least as much. Reads both, changes neither.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::csv::RUNS_CSV;
use super::manifest::{Manifest, Replaced};
use super::read::{RunKey, csv_runs, parquet_keys};
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::statement::{Account, Source};
use crate::text::{counted, thousands};

/// What stands at OUT before the job.
#[derive(Debug)]
pub struct Existing {
    path: PathBuf,
    manifest: Manifest,
}

/// What an export holds that another doesn't.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lost {
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
        let manifest = Manifest::read(path).map_err(&refused)?;
        let foreign = manifest.foreign_files(path)?;
        match foreign.first() {
            Some(file) => Err(refused(format!(
                "{} is not part of the export that is there",
                path.join(file).display()
            ))),
            None => Ok(Existing {
                path: path.to_path_buf(),
                manifest,
            }),
        }
    }

    /// Whether it is of a source, and of an account as far as both are known.
    pub fn is_from(&self, source: Source, account: Option<&Account>) -> bool {
        let known = self.manifest.account.as_ref().zip(account);
        self.manifest.source == source && known.is_none_or(|(old, new)| old.id == new.id)
    }

    /// Its Parquet files of runs, in order.
    pub fn parquet_paths(&self) -> Vec<PathBuf> {
        let files = self.manifest.parquet_files();
        files.map(|file| self.path.join(&file.path)).collect()
    }

    /// What the manifest says of an export that is replaced.
    pub fn replaced(&self) -> Replaced {
        Replaced {
            queried_at: self.manifest.queried_at.clone(),
            runs: self.manifest.totals.runs,
            usage_total_usd: self.manifest.totals.usage_total_usd.clone(),
        }
    }

    /// Exit 6 if it is of something else than a new export: another account, source, period or other filters. An account
    /// that the API didn't name is taken for the same: that every run is still there shows it better.
    pub fn is_of_the_same(&self, new: &Manifest) -> Result<()> {
        let old = &self.manifest;
        let period = |m: &Manifest| format!("{} to {}", m.period.from, m.period.requested_to);
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
            self.path.display()
        )))
    }

    /// Exit 6 if it holds runs that a new export (its Parquet files) lacks, naming how many and their dollars. Costs that
    /// only it knows are no reason to keep it, but a caveat of the new one.
    pub fn loses_no_run_to(&self, new: &[PathBuf]) -> Result<Option<String>> {
        let lost = self.lost_to(new).map_err(|problem| {
            Error::Output(format!(
                "cannot tell what the export that is there holds: {problem}; --replace replaces it all the same"
            ))
        })?;
        if lost.runs == 0 {
            let costs = counted(lost.costs, "cost", "costs");
            let usage = Usd(lost.costs_usage).dollars();
            let caveat = format!("{costs} ({usage}) that the replaced export knew the API no longer gives");
            return Ok((lost.costs > 0).then_some(caveat));
        }
        let mut usage = Usd(lost.usage).dollars();
        if lost.cost_unknown > 0 {
            usage = format!("{usage}, {} of them of unknown cost", thousands(lost.cost_unknown));
        }
        Err(Error::Output(format!(
            "the export at {} holds {} ({usage}) that the new one lacks; it is left as it is (--replace replaces it all the same)",
            self.path.display(),
            counted(lost.runs, "run", "runs"),
        )))
    }

    fn lost_to(&self, new: &[PathBuf]) -> Result<Lost, String> {
        let parquet: Vec<PathBuf> = self
            .manifest
            .parquet_files()
            .map(|file| self.path.join(&file.path))
            .collect();
        let new_keys = || parquet_keys(new.iter().map(PathBuf::as_path));
        let mut lost = Lost::default();
        let missing = if parquet.is_empty() {
            let csv = self.path.join(RUNS_CSV);
            let old = csv_runs(&csv)?.map(|run| run.map(|run| run.key));
            compare(old, new_keys(), &mut lost)?
        } else {
            compare(
                parquet_keys(parquet.iter().map(PathBuf::as_path)),
                new_keys(),
                &mut lost,
            )?
        };
        count_missing(missing, new_keys(), &mut lost)?;
        Ok(lost)
    }
}

type Keys<'k> = &'k mut dyn Iterator<Item = Result<RunKey, String>>;

/// Runs of `old` of which `new`, in the same order, has none of the same start and ID; of those that it has, counts lost
/// costs.
fn compare(
    mut old: impl Iterator<Item = Result<RunKey, String>>,
    mut new: impl Iterator<Item = Result<RunKey, String>>,
    lost: &mut Lost,
) -> Result<Vec<RunKey>, String> {
    let (old, new): (Keys, Keys) = (&mut old, &mut new);
    let mut missing = Vec::new();
    let mut candidate = new.next().transpose()?;
    for run in old {
        let run = run?;
        loop {
            let order = candidate.as_ref().map_or(Ordering::Greater, |new| {
                (new.started_at_ms, new.id.as_str()).cmp(&(run.started_at_ms, run.id.as_str()))
            });
            match order {
                Ordering::Less => candidate = new.next().transpose()?,
                Ordering::Equal => {
                    if candidate.as_ref().is_some_and(|new| new.usage.is_none()) {
                        lost.costs += u64::from(run.usage.is_some());
                        lost.costs_usage = lost.costs_usage.saturating_add(run.usage.unwrap_or_default().0);
                    }
                    break;
                }
                Ordering::Greater => {
                    missing.push(run);
                    break;
                }
            }
        }
    }
    Ok(missing)
}

/// Counts those whose ID is nowhere in `new`: a run whose start has moved is not lost.
fn count_missing(
    missing: Vec<RunKey>,
    new: impl Iterator<Item = Result<RunKey, String>>,
    lost: &mut Lost,
) -> Result<(), String> {
    let mut moved = HashSet::new();
    if !missing.is_empty() {
        let ids: HashSet<&str> = missing.iter().map(|run| run.id.as_str()).collect();
        for run in new {
            let run = run?;
            if ids.contains(run.id.as_str()) {
                moved.insert(run.id);
            }
        }
    }
    for run in missing.iter().filter(|run| !moved.contains(&run.id)) {
        lost.runs += 1;
        lost.usage = lost.usage.saturating_add(run.usage.unwrap_or_default().0);
        lost.cost_unknown += u64::from(run.usage.is_none());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(runs: &[(i64, &str)]) -> impl Iterator<Item = Result<RunKey, String>> {
        let key = |(at, id): &(i64, &str)| {
            Ok(RunKey {
                started_at_ms: *at,
                id: id.to_string(),
                usage: Some(Usd(5)),
            })
        };
        runs.iter().map(key).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn what_is_missing_is_counted_and_what_moved_is_not() {
        let old = [(1, "a"), (1, "b"), (2, "c"), (9, "d")];
        let new = [(1, "b"), (1, "x"), (3, "c"), (4, "y")];
        let mut lost = Lost::default();
        let missing = compare(keys(&old), keys(&new), &mut lost).unwrap();
        assert_eq!(
            missing.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(),
            ["a", "c", "d"]
        );
        count_missing(missing, keys(&new), &mut lost).unwrap();
        let expected = Lost {
            runs: 2,
            usage: 10,
            ..Lost::default()
        };
        assert_eq!(lost, expected);
        assert!(compare(keys(&old), keys(&old), &mut lost).unwrap().is_empty());
        assert!(compare(keys(&[]), keys(&new), &mut lost).unwrap().is_empty());
        assert_eq!(lost, expected);
    }
}
