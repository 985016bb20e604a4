//! An export in an object store: its files under an ID of their own, and a manifest that names them, put last and only upon
//! the one that was there. So readers see the old export or the new one, and of two exports at once one wins.

mod names;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::commands::destination::store::names::{export_id, id_of, placed, split};
use crate::output::names::{MANIFEST, RUNS_CSV};
use object_store::UpdateVersion;
use tokio::runtime::Handle;

use crate::archive::existing::ExistingExport;
use crate::error::{Error, Result};
use crate::lake::Location;
use crate::output::manifest::{Manifest, is_within};
use crate::output::publish::Staging;
use crate::period::Millis;
use crate::pipeline::scratch::{acquire_scratch, scratch_folder};
use crate::stores::{ListedObject, Put};
use crate::text::counted;

/// How old the files of an unfinished export must be to be removed: an export that is at work is younger.
const ABANDONED_MS: Millis = 24 * 3_600_000;

/// A place in a store that an export goes to, as it was found.
pub struct StoreDestination {
    location: Location,
    before: Option<StoredExport>,
}

struct StoredExport {
    version: UpdateVersion,
    /// Its ID, empty if its files lie beside its manifest.
    id: String,
    /// With paths relative to the export, as in a folder.
    manifest: Manifest,
    copied: Arc<Staging>,
}

impl StoreDestination {
    /// Looks at a place, and copies the rows that are there into a folder of this machine; blocks.
    ///
    /// # Errors
    /// Exit 6 for objects that are no part of an export of this tool; others for what keeps them from being read.
    pub fn open(out: &Path, handle: Handle) -> Result<StoreDestination> {
        let text = out.to_string_lossy();
        let location = Location::open_to_write(&text, handle)?;
        let found = location.read(MANIFEST)?;
        let listed = location.list()?;
        let refused = |why: String| {
            Error::Output(format!(
                "{why}; apify-runs replaces only its own exports: use another --out, or move these files away"
            ))
        };
        let shown = location.shown();
        let before = match found {
            None => None,
            Some(found) => {
                let manifest: Manifest = serde_json::from_slice(&found.bytes)
                    .map_err(|error| refused(format!("{shown}/{MANIFEST} is not a manifest of apify-runs: {error}")))?;
                let (id, manifest) = split(manifest)
                    .ok_or_else(|| refused(format!("{shown}/{MANIFEST} lists files of more than one export")))?;
                Some((found.version, id, manifest))
            }
        };
        let named = before.iter().flat_map(|(_, id, manifest)| paths(id, manifest));
        let named: Vec<String> = named.chain([MANIFEST.to_string()]).collect();
        let mut objects = listed.iter().map(|object| &object.path);
        if let Some(foreign) = objects.find(|path| !named.contains(path) && id_of(path).is_none()) {
            return Err(refused(format!("{shown}/{foreign} is not part of the existing export")));
        }
        let before = before
            .map(|(version, id, manifest)| {
                let copied = copy(&location, &id, &manifest)?;
                Ok::<_, Error>(StoredExport {
                    version,
                    id,
                    manifest,
                    copied,
                })
            })
            .transpose()?;
        Ok(StoreDestination { location, before })
    }

    pub fn existing(&self) -> Option<ExistingExport> {
        self.before.as_ref().map(|before| {
            let shown = Path::new(self.location.shown());
            ExistingExport::copied(shown, before.copied.path(), before.manifest.clone())
        })
    }

    /// Sends a finished export there; what is to be warned of. Blocks.
    ///
    /// # Errors
    /// Exit 8 if another export came in meanwhile; others for what keeps it from being written. What was there is then as it
    /// was.
    pub fn publish(
        &self,
        staging: &Staging,
        manifest: &Manifest,
        started_ms: Millis,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<Vec<String>> {
        let (location, id) = (&self.location, export_id(started_ms));
        let sent: Vec<String> = paths(&id, manifest).collect();
        let withdraw = |error: Error| {
            location.remove(sent.iter().map(String::as_str));
            error
        };
        for (file, path) in manifest.files.iter().zip(&sent) {
            let sending = check().and_then(|()| location.upload(&staging.path().join(&file.path), path, check));
            sending.map_err(withdraw)?;
        }
        check().map_err(withdraw)?;
        let version = self.before.as_ref().map(|before| before.version.clone());
        match location.put_upon(MANIFEST, placed(&id, manifest).to_json().into_bytes(), version) {
            Put::Done => Ok(self.clear_away(&id, manifest)),
            Put::Lost => Err(withdraw(Error::Busy(format!(
                "{}: another export was published there in the meantime; it stays, and this one was discarded",
                location.shown()
            )))),
            Put::Unclear(Error::Unreachable(why)) => Err(Error::Unreachable(format!(
                "{why}; it is not known whether the export was published: either the new or the previous export is there, complete"
            ))),
            // The store has said no.
            Put::Unclear(error) => Err(withdraw(error)),
        }
    }

    /// Removes what the new export replaced, and what exports that ended early have left; warnings of what stays.
    fn clear_away(&self, id: &str, manifest: &Manifest) -> Vec<String> {
        let shown = self.location.shown();
        let mut warnings = Vec::new();
        if let Some(before) = &self.before {
            let old: Vec<String> = paths(&before.id, &before.manifest).collect();
            let stayed = self.location.remove(old.iter().map(String::as_str));
            if let Some(first) = stayed.first() {
                let files = counted(stayed.len() as u64, "file", "files");
                warnings.push(format!(
                    "{files} of the replaced export could not be removed, such as {shown}/{first}; no manifest lists \
                     them"
                ));
            }
        }
        let named: Vec<String> = paths(id, manifest).collect();
        // By the store's own clock, which has just stamped these.
        let listed = self.location.list().unwrap_or_default();
        let stamps = listed.iter().filter(|object| named.contains(&object.path));
        let now_ms = stamps.map(|object| object.written_ms).max();
        let (abandoned, young): (Vec<&ListedObject>, Vec<&ListedObject>) = listed
            .iter()
            .filter(|object| id_of(&object.path).is_some_and(|of| of != id))
            .partition(|object| now_ms.is_some_and(|now_ms| object.written_ms < now_ms - ABANDONED_MS));
        self.location
            .remove(abandoned.iter().map(|object| object.path.as_str()));
        if let Some(first) = young.first() {
            let objects = counted(young.len() as u64, "object is", "objects are");
            warnings.push(format!(
                "{objects} from an export that failed or is still running, such as {shown}/{}; an export that starts a day later \
                 removes them",
                first.path
            ));
        }
        warnings
    }
}

/// The keys of an export's files, relative to the output.
fn paths<'m>(id: &'m str, manifest: &'m Manifest) -> impl Iterator<Item = String> + 'm {
    manifest.files.iter().map(move |file| names::within(id, &file.path))
}

/// Where an export is put together before it is sent: one place a user and output, so that what a killed one leaves is removed.
///
/// # Errors
/// Only in builds without stores.
pub fn staging_folder(out: &Path) -> Result<PathBuf> {
    Ok(scratch_folder("export", &out.to_string_lossy()))
}

/// The files of rows, in a folder that the next export removes if this one is killed.
fn copy(location: &Location, id: &str, manifest: &Manifest) -> Result<Arc<Staging>> {
    let mut folder = acquire_scratch(&scratch_folder("replaced", location.shown()))?;
    let staging = folder.stage()?;
    let mut files: Vec<&str> = manifest.parquet_files().map(|file| file.path.as_str()).collect();
    if files.is_empty() {
        files = vec![RUNS_CSV];
    }
    for file in files.into_iter().filter(|file| is_within(file)) {
        // One that is missing is told of when the two are compared.
        let copied = staging.create(file)?;
        location.download(&names::within(id, file), copied)?;
    }
    Ok(Arc::new(staging))
}
