//! Damage of a lake, and the way back: files that can't be read or aren't what was written are taken out of the table and kept
//! aside, their time is proven no longer, and the next sync asks Apify for it again. Nothing is deleted.

use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use serde_json::{Map, json};

use crate::error::{Error, Result};
use crate::lake::commit::CommitKind;
use crate::lake::duplicates::DuplicateRuns;
use crate::lake::files::{DataFile, month_bounds};
use crate::lake::month_sums::MonthSums;
use crate::lake::table::{LakeTable, Moment};
use crate::period::Millis;
use crate::stores::{Location, OWN};

#[derive(Debug, Clone)]
pub struct DamagedFile {
    pub file: DataFile,
    pub why: String,
    is_there: bool,
    /// It could not be read, so that what it holds is not known.
    is_unread: bool,
}

/// How often a file that can't be read is read in all before it counts as damaged.
const READINGS: usize = 3;

impl DamagedFile {
    /// Its runs and sums, as far as the log has them.
    pub fn sums(&self) -> MonthSums {
        self.file.sums.unwrap_or(MonthSums {
            runs: self.file.rows.unwrap_or(0),
            ..MonthSums::default()
        })
    }
}

#[derive(Debug, Clone, Default)]
pub struct Damage {
    pub files: Vec<DamagedFile>,
    pub log: Option<String>,
    /// Runs that are there more than once, of the files that can be used.
    pub duplicates: DuplicateRuns,
    /// Months of which the log has other rows than the last commit left: their names, rows found, rows left.
    pub months: Vec<(String, u64, u64)>,
}

impl Damage {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.log.is_none() && self.duplicates.runs() == 0
    }

    /// The times whose runs may be missing: `[from, to)`.
    fn spans(&self) -> impl Iterator<Item = (Millis, Millis)> {
        let files = self
            .files
            .iter()
            .map(|damaged| (damaged.file.first_ms, damaged.file.last_ms.saturating_add(1)));
        files.chain(self.months.iter().filter_map(|(month, _, _)| month_bounds(month)))
    }
}

#[derive(Debug, Clone)]
pub struct RepairResult {
    pub version: u64,
    /// Where each file is kept now; `None` of one that is gone.
    pub aside: Vec<Option<String>>,
}

impl LakeTable {
    /// A lake whose log can be read, whatever else is damaged.
    pub fn open_damaged(location: &Location) -> Result<LakeTable> {
        LakeTable::load(location, Moment::Now)?.into_lake(location)
    }

    /// Takes the log's last entry out of the log and keeps it aside; the table is then what the commit before left.
    pub fn set_entry_aside(location: &Location, path: &str) -> Result<String> {
        let aside = format!("{OWN}/set-aside/{path}");
        let (from, to) = (StorePath::from(path), StorePath::from(aside.as_str()));
        let moved = location.wait(location.store().rename(&from, &to));
        moved.map_err(|error| location.cannot_write(&aside, &error))?;
        Ok(aside)
    }

    pub fn damage(&self) -> Result<Damage> {
        let mut damage = Damage::default();
        for file in self.files() {
            // A disk may fail once: what can be read again is not damaged.
            let mut found = self.damage_of(file)?;
            for _ in 1..READINGS {
                if found.as_ref().is_some_and(|damaged| damaged.is_unread) {
                    found = self.damage_of(file)?;
                }
            }
            damage.files.extend(found);
        }
        damage.duplicates = self.duplicates(&self.sound_files(&damage.files))?;
        let checked = self.check_entries().and_then(|()| self.check_log());
        if let Err(Error::Untrusted(why)) = checked {
            damage.log = Some(why);
            let months = self.months_that_differ().into_iter();
            damage.months = months.map(|(month, found, left)| (month.into(), found, left)).collect();
        }
        Ok(damage)
    }

    fn sound_files(&self, damaged: &[DamagedFile]) -> Vec<&DataFile> {
        let is_damaged = |file: &&DataFile| damaged.iter().any(|damaged| damaged.file.path == file.path);
        self.files().iter().filter(|file| !is_damaged(file)).collect()
    }

    fn damage_of(&self, file: &DataFile) -> Result<Option<DamagedFile>> {
        let damaged = |why: &str| DamagedFile {
            file: file.clone(),
            why: why.into(),
            is_there: true,
            is_unread: false,
        };
        match self.bytes_of(file)? {
            None => {
                return Ok(Some(DamagedFile {
                    is_there: false,
                    ..damaged("it is missing")
                }));
            }
            Some(bytes) if bytes != file.bytes => {
                return Ok(Some(damaged(&format!("{bytes} bytes, the log says {}", file.bytes))));
            }
            Some(_) => {}
        }
        let is_other = match &file.sha256 {
            Some(said) => self.location.hash_of_file(file).map(|(found, _)| found != *said),
            None => self.rows_of_file(file, |_| Ok(())).map(|_| false),
        };
        match is_other {
            Ok(is_other) => Ok(is_other.then(|| damaged("its SHA-256 differs from the log"))),
            Err(Error::Untrusted(why)) => {
                let place = format!("{}/{}: ", self.location.shown(), file.path);
                let why = why.strip_prefix("cannot read ").unwrap_or(&why);
                Ok(Some(DamagedFile {
                    is_unread: true,
                    ..damaged(why.strip_prefix(&place).unwrap_or(why))
                }))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes damaged files and surplus rows out of the table in one commit, keeps copies of those files aside, marks their time
    /// as not proven and the closed months that it touches as damaged. `None` if another process was first.
    pub fn repair(&self, damage: &Damage, now_ms: Millis) -> Result<Option<RepairResult>> {
        let aside = damage
            .files
            .iter()
            .map(|damaged| self.set_aside(damaged))
            .collect::<Result<Vec<_>>>()?;
        let mut state = self.state().clone();
        for (from, to) in damage.spans() {
            state.unprove(from, to);
            for closing in state.closings.values_mut() {
                if closing.from < to && from < closing.to {
                    closing.damaged_at = Some(now_ms);
                }
            }
        }
        let mut lost = MonthSums::default();
        damage.files.iter().for_each(|damaged| lost.add(&damaged.sums()));
        let info = Map::from_iter([(
            "apifyRuns".to_string(),
            json!({
                "version": env!("CARGO_PKG_VERSION"),
                "set_aside": damage.files.iter().map(|damaged| &damaged.file.path).collect::<Vec<_>>(),
                "rows_doubled": damage.duplicates.rows(),
                "runs": lost.runs,
                "usage_total_usd": lost.usage_total_usd,
            }),
        )]);
        let (adds, mut removes) = self.without(&damage.duplicates, &self.sound_files(&damage.files))?;
        removes.extend(damage.files.iter().map(|damaged| damaged.file.clone()));
        let outcome = self.commit_files(CommitKind::Repair, adds, removes, state, info)?;
        let Some(version) = outcome.version() else {
            return Ok(None);
        };
        if damage.log.is_some() {
            // What comes before a checkpoint is read no more, an emptied entry among it.
            let table = LakeTable::open_damaged(&self.location)?;
            if let Some(why) = table.checkpoint_if_due(true) {
                tracing::warn!("{why}");
            }
        }
        Ok(Some(RepairResult { version, aside }))
    }

    /// Gives a file a second place, which no vacuum empties: on disk a link, so that it needn't be readable. Fails before
    /// anything is taken out of the table that would not be kept.
    fn set_aside(&self, damaged: &DamagedFile) -> Result<Option<String>> {
        if !damaged.is_there {
            return Ok(None);
        }
        let path = format!("{OWN}/set-aside/{}", damaged.file.path);
        let (from, to) = (
            StorePath::from(damaged.file.path.as_str()),
            StorePath::from(path.as_str()),
        );
        let copied = self.location.wait(self.location.store().copy(&from, &to));
        copied.map_err(|error| self.location.cannot_write(&path, &error))?;
        self.location.sync_to_disk(&path)?;
        Ok(Some(path))
    }
}
