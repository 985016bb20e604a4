//! Whether an export may take another's place: only if it knows at least as much. Reads both, changes neither.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::csv::RUNS_CSV;
use super::manifest::{Manifest, Replaced};
use super::read::{RunKey, csv_keys, parquet_keys};
use crate::error::{Error, Result};
use crate::money::Usd;

/// What stands at OUT before the job.
#[derive(Debug)]
pub struct Existing {
    path: PathBuf,
    manifest: Manifest,
}

/// Runs, and what they cost as far as known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub runs: u64,
    /// US dollars of those that have a cost.
    pub usage: i128,
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

    /// What the manifest says of an export that is replaced.
    pub fn replaced(&self) -> Replaced {
        Replaced {
            queried_at: self.manifest.queried_at.clone(),
            runs: self.manifest.totals.runs,
            usage_total_usd: self.manifest.totals.usage_total_usd.clone(),
        }
    }

    /// Exit 6 if it is of something else than a new export: another account, source, period or other filters.
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

    /// Exit 6 if it holds runs that a new export (its Parquet files) lacks, naming how many and their dollars.
    pub fn loses_nothing_to(&self, new: &[PathBuf]) -> Result<()> {
        let lost = self.lost_to(new).map_err(|problem| {
            Error::Output(format!(
                "cannot tell what the export that is there holds: {problem}; --replace replaces it all the same"
            ))
        })?;
        if lost.runs == 0 {
            return Ok(());
        }
        let runs = crate::report::text::counted(lost.runs, "run", "runs");
        Err(Error::Output(format!(
            "the export at {} holds {runs} ({}) that the new one lacks, since Apify no longer lists them; it is left as it is \
             (--replace replaces it all the same)",
            self.path.display(),
            Usd(lost.usage).dollars()
        )))
    }

    fn lost_to(&self, new: &[PathBuf]) -> Result<Lost, String> {
        let parquet: Vec<PathBuf> = self
            .manifest
            .parquet_files()
            .map(|file| self.path.join(&file.path))
            .collect();
        let new_keys = || parquet_keys(new.iter().map(PathBuf::as_path));
        if parquet.is_empty() {
            lost(csv_keys(&self.path.join(RUNS_CSV))?, new_keys())
        } else {
            lost(parquet_keys(parquet.iter().map(PathBuf::as_path)), new_keys())
        }
        .and_then(|missing| still_missing(missing, new_keys()))
    }
}

type Keys<'k> = &'k mut dyn Iterator<Item = Result<RunKey, String>>;

/// Runs of `old` of which `new`, in the same order, has none of the same start and ID.
fn lost(
    mut old: impl Iterator<Item = Result<RunKey, String>>,
    mut new: impl Iterator<Item = Result<RunKey, String>>,
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
                Ordering::Equal => break,
                Ordering::Greater => {
                    missing.push(run);
                    break;
                }
            }
        }
    }
    Ok(missing)
}

/// Of those, the ones whose ID is nowhere in `new`: a run whose start has moved is not lost.
fn still_missing(missing: Vec<RunKey>, new: impl Iterator<Item = Result<RunKey, String>>) -> Result<Lost, String> {
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
    let lost: Vec<_> = missing.iter().filter(|run| !moved.contains(&run.id)).collect();
    let usage = lost.iter().filter_map(|run| run.usage).map(|usd| usd.0).sum();
    Ok(Lost {
        runs: lost.len() as u64,
        usage,
    })
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
        let missing = lost(keys(&old), keys(&new)).unwrap();
        assert_eq!(
            missing.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(),
            ["a", "c", "d"]
        );
        assert_eq!(still_missing(missing, keys(&new)).unwrap(), Lost { runs: 2, usage: 10 });
        assert!(lost(keys(&old), keys(&old)).unwrap().is_empty());
        assert!(lost(keys(&[]), keys(&new)).unwrap().is_empty());
    }
}
