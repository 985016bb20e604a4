//! The table at a moment: what its log says that it is, and which files it has. Nothing here writes.

use deltalake_core::DeltaTable;

use crate::error::{Error, Result};
use crate::lake::broken_checkpoints::read_without_broken;
use crate::lake::columns::{LakeColumns, STARTED_MONTH};
use crate::lake::commit_entry::ForeignCommit;
use crate::lake::files::DataFile;
use crate::lake::log_entries::LogEntries;
use crate::lake::state::{LakeState, PROPERTY, StateError};
use crate::period::{Millis, format_instant};
use crate::stores::Location;

/// The newest protocol that this version reads and writes: plain files, without deletion vectors or renamed columns.
const READER_VERSION: i32 = 1;
const WRITER_VERSION: i32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Now,
    Version(u64),
    At(Millis),
}

pub enum FoundTable {
    Nothing,
    /// A table that isn't this tool's; why not, in words.
    Anothers(String),
    Lake(Box<LakeTable>),
}

impl FoundTable {
    /// The lake that a sync writes to; none where it makes one. Exit 6 where neither can be.
    pub fn writable(self, location: &Location) -> Result<Option<LakeTable>> {
        let why = match self {
            FoundTable::Lake(table) => return Ok(Some(*table)),
            FoundTable::Anothers(why) => format!(": {why}"),
            FoundTable::Nothing => match location.enclosing_lake() {
                Some(lake) => format!(" is inside the lake at {}: use that path", lake.display()),
                None if location.is_free()? => return Ok(None),
                None => " holds other files and no lake: use an empty or new folder".into(),
            },
        };
        Err(Error::Output(format!("{}{why}", location.shown())))
    }

    /// Exit 2 where it is no lake.
    pub(super) fn into_lake(self, location: &Location) -> Result<LakeTable> {
        match self {
            FoundTable::Lake(table) => Ok(*table),
            FoundTable::Nothing => Err(Error::Usage(match location.enclosing_lake() {
                Some(lake) => format!(
                    "{} is inside the lake at {}: use that path",
                    location.shown(),
                    lake.display()
                ),
                None if location.local().is_none() => format!(
                    "{}: there is no lake here; to read an export in a store, copy it to a folder first",
                    location.shown()
                ),
                None => format!("{}: there is no lake here", location.shown()),
            })),
            FoundTable::Anothers(why) => Err(Error::Usage(format!("{}: {why}", location.shown()))),
        }
    }
}

/// A lake at a moment.
pub struct LakeTable {
    pub(super) location: Location,
    pub(super) delta: DeltaTable,
    state: LakeState,
    columns: LakeColumns,
    files: Vec<DataFile>,
    foreign: Vec<ForeignCommit>,
    /// An entry of its log that is missing or empty, in words.
    gap: Option<String>,
}

impl LakeTable {
    /// What is there. Exit 5 for a broken log, exit 2 for a lake of a newer version and for a moment that it has no record of.
    pub fn find(location: &Location, moment: Moment) -> Result<FoundTable> {
        let mut found = LakeTable::load(location, moment)?;
        if let FoundTable::Lake(table) = &mut found {
            table.check_entries()?;
            if moment == Moment::Now {
                table.foreign = table.check_log()?;
            }
        }
        Ok(found)
    }

    /// The same without a look at what the last commit left.
    pub(super) fn load(location: &Location, moment: Moment) -> Result<FoundTable> {
        let found = location.local().and_then(|path| std::fs::metadata(path).ok());
        if found.is_some_and(|found| !found.is_dir()) {
            return Ok(FoundTable::Anothers("it is a file: a lake is a folder".into()));
        }
        let entries = LogEntries::list(location)?;
        if !entries.is_table() {
            return Ok(FoundTable::Nothing);
        }
        let version = version_of(location, &entries, moment)?;
        let attempt = || {
            let mut delta = DeltaTable::new(location.log().clone());
            let loaded = location.wait(async {
                match moment {
                    Moment::Now => delta.load().await,
                    Moment::Version(_) | Moment::At(_) => delta.load_version(version).await,
                }
            });
            loaded.map_err(|error| location.log_unloaded(&error))?;
            LakeTable::of(location, delta)
        };
        match attempt() {
            Ok(FoundTable::Lake(mut table)) => {
                table.gap = entries.gap(version);
                Ok(FoundTable::Lake(table))
            }
            Err(error @ (Error::Untrusted(_) | Error::Usage(_))) => {
                read_without_broken(location, version, error, attempt)
            }
            other => other,
        }
    }

    /// [`LakeTable::find`], and exit 2 where there is no lake.
    pub fn open(location: &Location, moment: Moment) -> Result<LakeTable> {
        LakeTable::find(location, moment)?.into_lake(location)
    }

    pub(super) fn of(location: &Location, delta: DeltaTable) -> Result<FoundTable> {
        let snapshot = delta.snapshot().map_err(|error| location.log_unread(&error))?;
        let Some(text) = snapshot.metadata().configuration().get(PROPERTY) else {
            return Ok(FoundTable::Anothers(
                "this Delta table was not made by apify-runs: use another place".into(),
            ));
        };
        let refused = |why: &dyn std::fmt::Display| Error::Usage(format!("{}: {why}", location.shown()));
        let state = LakeState::parse(text).map_err(|error| match error {
            StateError::Newer(why) => refused(&why),
            StateError::Invalid(why) => Error::Untrusted(format!("{}: {why}", location.shown())),
        })?;
        let protocol = snapshot.protocol();
        let versions = (protocol.min_reader_version(), protocol.min_writer_version());
        if versions.0 > READER_VERSION || versions.1 > WRITER_VERSION {
            return Err(refused(&format!(
                "another engine has added table features that this version does not support (reader {}, writer {}; \
                 supported: {READER_VERSION} and {WRITER_VERSION}): deletion vectors and similar features must stay off",
                versions.0, versions.1
            )));
        }
        if snapshot.metadata().partition_columns() != [STARTED_MONTH] {
            return Err(refused(&format!("it is not partitioned by {STARTED_MONTH} alone")));
        }
        let schema = snapshot.schema();
        let columns =
            LakeColumns::of_names(schema.fields().map(|field| field.name().as_str())).map_err(|why| refused(&why))?;
        let log_data = snapshot.log_data();
        let files = log_data.iter().map(|view| DataFile::from_view(&view));
        let mut files = files
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| Error::Untrusted(format!("{}: {why}", location.shown())))?;
        files.sort_by(|a, b| (a.first_ms, a.last_ms, &a.path).cmp(&(b.first_ms, b.last_ms, &b.path)));
        Ok(FoundTable::Lake(Box::new(LakeTable {
            location: location.clone(),
            delta,
            state,
            columns,
            files,
            foreign: Vec::new(),
            gap: None,
        })))
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// As the log has it: another table may come to be at the same place.
    pub fn id(&self) -> String {
        let snapshot = self.delta.snapshot();
        snapshot
            .map(|snapshot| snapshot.metadata().id().to_owned())
            .unwrap_or_default()
    }

    pub fn version(&self) -> u64 {
        self.delta.version().unwrap_or_default()
    }

    pub fn state(&self) -> &LakeState {
        &self.state
    }

    pub fn columns(&self) -> &LakeColumns {
        &self.columns
    }

    /// Its files, by the starts of their runs.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// Exit 5 where an entry of the log is missing or empty: the library takes an emptied one for one that does nothing.
    pub(super) fn check_entries(&self) -> Result<()> {
        self.gap
            .as_ref()
            .map_or(Ok(()), |gap| Err(self.location.log_broken(gap)))
    }

    /// What other engines have committed since this tool's last commit.
    pub fn foreign_commits(&self) -> &[ForeignCommit] {
        &self.foreign
    }

    /// The files that may hold runs that started in `[from, to)`.
    pub fn files_of(&self, from: Millis, to: Millis) -> Vec<&DataFile> {
        self.files.iter().filter(|file| file.overlaps(from, to)).collect()
    }
}

/// The version that is meant, by the log's files; exit 2 where they have none such.
fn version_of(location: &Location, entries: &LogEntries, moment: Moment) -> Result<u64> {
    let (first, last) = entries.ends();
    let lacks = |what: String| Err(Error::Usage(format!("{}: {what}", location.shown())));
    match moment {
        Moment::Now => Ok(last),
        Moment::Version(version) if version > last => lacks(format!(
            "its log has no version {version}: the newest version is {last}"
        )),
        Moment::Version(version) if version < first => lacks(format!(
            "its log no longer has version {version}: it begins with version {first}"
        )),
        Moment::Version(version) => Ok(version),
        Moment::At(at) => match entries.last_at(at).filter(|version| *version >= first) {
            Some(version) => Ok(version),
            None => {
                let began = entries.written(first).map_or("an unknown time".into(), format_instant);
                let why = match first {
                    0 => format!("it began at {began}"),
                    first => format!("its log now begins with version {first}, of {began}"),
                };
                lacks(format!("the lake has no state at {}: {why}", format_instant(at)))
            }
        },
    }
}
