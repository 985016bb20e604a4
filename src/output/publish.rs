//! How an export becomes visible: staged in a hidden sibling, synced, then swapped in at once, under a lock.
//! Deliberately ignorant of what an export holds, and of whether the one before may be replaced: that is for the
//! caller to decide, between `acquire` and `publish`.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::Mode;

use crate::disk::{make_parents, reason, remove_made, set_mode, sync, sync_folder};
use crate::error::{Error, Result};
use crate::output::lock::Lock;
use crate::output::modes::Modes;
use crate::output::output_path::OutputPath;
pub use crate::output::output_path::OutputState;
use crate::output::swap::{CALLS, Calls, Swapped, finish, for_each, remove, swap};
use crate::paths::folder_of;

/// Files are their owner's until they are published.
const FILE_MODE: u32 = 0o600;

/// How often an output's folder is created that another job removes since nothing came into it.
const ATTEMPTS: usize = 20;

/// The process's umask. It can only be read by setting it, for the whole process: call this once, at the start,
/// before there are threads.
pub fn umask() -> u32 {
    let mask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::umask(mask);
    #[allow(clippy::unnecessary_cast, reason = "16 bits wide on macOS")]
    let bits = mask.bits() as u32;
    bits
}

/// An output folder that this process has locked.
#[derive(Debug)]
pub struct Destination {
    output: Arc<LockedOutput>,
    /// Whether leftovers of an export that was replaced stand where the next one is put together, since they can't go yet.
    has_leftovers: bool,
}

#[derive(Debug)]
struct LockedOutput {
    place: OutputPath,
    state: OutputState,
    /// Device and inode of the folder that `state` is about.
    identity: Option<(u64, u64)>,
    /// Gone before the parents, which must be empty to go.
    lock: Option<Lock>,
}

impl Drop for LockedOutput {
    fn drop(&mut self) {
        self.lock = None;
        // Also what another account's job of this process has made, and could not remove because of this one's.
        let made = MADE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut parents: Vec<PathBuf> = self.place.parent().ancestors().map(Path::to_path_buf).collect();
        parents.retain(|parent| made.contains(parent));
        parents.reverse();
        // Those that nothing came into.
        remove_made(&parents);
    }
}

/// Parents that this process has created.
static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

impl LockedOutput {
    fn unchanged(&self, doing: &str, path: &Path, error: &io::Error) -> Error {
        let cause = format!("{}; {} was not changed", reason(error), self.place.shown.display());
        Error::output(doing, path, cause)
    }
}

impl Destination {
    /// What stands at `out`, of which so many parents may be missing; writes nothing. What an interrupted job left is finished by
    /// [`Destination::acquire`] only.
    ///
    /// # Errors
    /// [`Error::Output`] where no export could be published: a file, a mount point, a path without a name of its own,
    /// a parent in which nothing can be created, and more parents that are missing.
    pub fn check(out: &Path, levels: usize) -> Result<OutputState> {
        OutputPath::resolve(out, levels)?.check()
    }

    /// Locks `out` without waiting; so many missing parents are created, and go again if nothing comes into them. What an
    /// interrupted job left half published is finished, what it left staged is removed.
    ///
    /// # Errors
    /// As [`Destination::check`], and [`Error::Busy`] where another process holds it.
    pub fn acquire(out: &Path, levels: usize) -> Result<Destination> {
        let place = OutputPath::resolve(out, levels)?;
        place.check()?;
        let (place, lock) = lock_in_its_folder(&place, levels)?;
        let Some(lock) = lock else {
            let shown = place.shown.display();
            return Err(Error::Busy(format!(
                "another apify-runs process is already writing {shown}; nothing was done"
            )));
        };
        let left = finish(&place).map_err(|error| Error::output("clear away", &place.staging(), error))?;
        // Once more: until it was locked, another process could replace it.
        let state = place.check()?;
        Ok(Destination {
            has_leftovers: !left.is_empty(),
            output: Arc::new(LockedOutput {
                identity: place.identity(),
                state,
                lock: Some(lock),
                place,
            }),
        })
    }

    /// What must be said of the lock, if anything.
    pub fn warning(&self) -> Option<String> {
        self.output.lock.as_ref()?.warning(&self.output.place.shown)
    }

    /// Removes what an interrupted job left staged for `out`, if anything; one that is at work is left alone.
    pub fn clear(out: &Path, levels: usize) -> Result<()> {
        if !OutputPath::resolve(out, levels)?.staging().exists() {
            return Ok(());
        }
        match Destination::acquire(out, levels) {
            Ok(_) | Err(Error::Busy(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether `out` is being replaced on a file system that can't exchange two folders: for a moment, nothing is there.
    pub fn is_in_between(out: &Path) -> bool {
        OutputPath::resolve(out, usize::MAX).is_ok_and(|place| place.old().exists() || place.copy().exists())
    }

    /// What stood at `out` when it was acquired, an interrupted publishing finished.
    pub fn state(&self) -> OutputState {
        self.output.state
    }

    /// The folder's real path, behind any symlink.
    pub fn path(&self) -> PathBuf {
        self.output.place.out()
    }

    /// Creates the hidden folder in which an export is put together. There is one at a time.
    pub fn stage(&mut self) -> Result<Staging> {
        let path = self.output.place.staging();
        let created = match std::mem::take(&mut self.has_leftovers) {
            true => File::open(&path).and_then(|folder| set_mode(&folder, 0o700).map(drop)),
            false => DirBuilder::new().mode(0o700).create(&path),
        };
        created.map_err(|error| self.output.unchanged("create", &path, &error))?;
        Ok(Staging {
            output: Arc::clone(&self.output),
            path,
            published: false,
        })
    }
}

/// An export that is being put together, visible to nobody; removed when it is dropped unpublished. It keeps the lock.
#[derive(Debug)]
pub struct Staging {
    output: Arc<LockedOutput>,
    path: PathBuf,
    published: bool,
}

impl Staging {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a file, which must not exist yet, for its owner alone; and the folders that it is in.
    pub fn create(&self, relative: &str) -> Result<File> {
        let path = self.path.join(relative);
        let failed = |error: io::Error| self.output.unchanged("write", &path, &error);
        let mut parts = Path::new(relative).components();
        if relative.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
            return Err(failed(io::Error::other("it is not inside the export")));
        }
        let (mut folders, mut files) = (DirBuilder::new(), OpenOptions::new());
        let created = folders.mode(0o700).recursive(true).create(folder_of(&path));
        created.map_err(failed)?;
        files
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(failed)
    }

    /// Brings every file and folder to the disk.
    pub fn sync(&self) -> Result<()> {
        for_each(&self.path, &mut |path, _| sync(&File::open(path)?))
            .map_err(|(path, error)| self.output.unchanged("write", &path, &error))
    }

    /// Makes the export visible, in one step: readers see the old one whole, or the new one. To be synced before. Returns
    /// warnings where the export is in place: of modes that the file system doesn't take, of how it was replaced, and of what
    /// could not be removed.
    ///
    /// # Errors
    /// [`Error::Output`]; `out` is then as it was.
    pub fn publish(self, modes: Modes) -> Result<Vec<String>> {
        self.publish_by(modes, CALLS)
    }

    fn publish_by(mut self, modes: Modes, calls: Calls) -> Result<Vec<String>> {
        let LockedOutput {
            place, state, identity, ..
        } = &*self.output;
        let shown = place.shown.display();
        let mut warnings = Vec::new();
        if !self.set_modes(modes)? {
            warnings.push(format!(
                "the file system of {shown} does not support modes (chmod), so its mount options decide who may read the export"
            ));
        }
        let failed = |error: io::Error| self.output.unchanged("publish", &place.shown, &error);
        let swapped = match (state, place.identity()) {
            // Also over an empty folder; onto one that has been filled meanwhile, it fails.
            (OutputState::Absent | OutputState::Empty, _) | (OutputState::Occupied, None) => {
                match fs::rename(&self.path, place.out()) {
                    // Empty but for what desktops leave, which goes with it.
                    Err(_) if *state == OutputState::Empty && place.state()? == OutputState::Empty => {
                        swap(place, calls)
                    }
                    renamed => renamed.map(|()| Swapped::ByRenaming),
                }
            }
            (OutputState::Occupied, found) if found != *identity => {
                return Err(failed(io::Error::other("another folder was put there in the meantime")));
            }
            (OutputState::Occupied, Some(_)) => swap(place, calls),
        };
        let swapped = swapped.map_err(failed)?;
        self.published = true;
        if swapped == Swapped::ByCopying {
            warnings.push(format!(
                "{shown} is in a layer that cannot be renamed (a container's image), so the old export was copied, removed and \
                 then replaced, not in one step: use a folder on a volume"
            ));
        }
        let synced = sync_folder(place.parent());
        // The old export, under the staging's name or the old one's.
        match synced.and_then(|()| finish(place)) {
            Err(error) => warnings.push(format!(
                "{shown} was published, but cleaning up failed: {}",
                reason(&error)
            )),
            Ok(left) => warnings.extend(left.first().map(|first| {
                format!(
                    "{shown} was published, but {} of the previous export cannot be removed yet; the next export tries again",
                    first.display()
                )
            })),
        }
        Ok(warnings)
    }

    /// `false` where the file system takes none.
    fn set_modes(&self, modes: Modes) -> Result<bool> {
        let mut are_taken = true;
        let set = for_each(&self.path, &mut |path, is_folder| {
            let mode = if is_folder { modes.folders } else { modes.files };
            // They were created with it.
            if !is_folder && mode == FILE_MODE {
                return Ok(());
            }
            // Opened first: the mode may take it from ourselves.
            let file = File::open(path)?;
            are_taken &= set_mode(&file, mode)?;
            sync(&file)
        });
        set.map_err(|(path, error)| self.output.unchanged("write", &path, &error))?;
        Ok(are_taken)
    }
}

/// Creates the parents, and locks `out` in the last of them; the path for good, and the lock, which is `None` where another
/// process has it.
fn lock_in_its_folder(place: &OutputPath, levels: usize) -> Result<(OutputPath, Option<Lock>)> {
    let failed = |doing: &str, error: io::Error| Error::output(doing, &place.shown, error);
    let mut attempt = 1;
    loop {
        let made = make_parents(&place.out(), levels).map_err(|error| failed("create the folder of", error))?;
        let tried = || -> io::Result<(OutputPath, Option<Lock>)> {
            let place = place.clone().anchored()?;
            let lock = Lock::take(&place.lock())?;
            Ok((place, lock))
        };
        match tried() {
            Ok((place, lock)) => {
                let made = made.iter().filter_map(|folder| fs::canonicalize(folder).ok());
                MADE.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
                return Ok((place, lock));
            }
            // A job that had created it has ended meanwhile, and removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
            Err(error) => {
                remove_made(&made);
                return Err(failed("lock", error));
            }
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // What can't be removed now, the next start removes.
            let _ = remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use rustix::io::Errno;

    use super::*;
    use crate::disk::ONE_PARENT;

    const MODES: Modes = Modes {
        files: 0o600,
        folders: 0o755,
    };

    fn temporary() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn export(destination: &mut Destination, content: &str) -> Staging {
        let staging = destination.stage().unwrap();
        for name in ["runs/started_on=2025-09-01/runs.parquet", "manifest.json"] {
            staging.create(name).unwrap().write_all(content.as_bytes()).unwrap();
        }
        staging.sync().unwrap();
        staging
    }

    fn published(out: &Path) -> Option<String> {
        fs::read_to_string(out.join("manifest.json")).ok()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn an_export_appears_whole_and_leaves_nothing_beside_it() {
        let (_guard, folder) = temporary();
        let out = folder.join("new/out");
        let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
        assert_eq!(destination.state(), OutputState::Absent);
        assert_eq!(destination.path(), out);
        let staging = export(&mut destination, "first");
        assert_eq!(published(&out), None);
        assert_eq!(
            names(out.parent().unwrap()),
            [".out.apify-runs-staging", ".out.apify-runs.lock"]
        );
        assert!(staging.publish(MODES).unwrap().is_empty());
        assert_eq!(published(&out).as_deref(), Some("first"));
        drop(destination);
        assert_eq!(names(out.parent().unwrap()), ["out"]);
    }

    #[test]
    fn an_export_is_replaced_by_the_next_with_or_without_an_exchange() {
        let no_exchange = Calls {
            exchange: |_, _| Err(Errno::NOSYS),
            ..CALLS
        };
        for calls in [CALLS, no_exchange] {
            let (_guard, folder) = temporary();
            let out = folder.join("out");
            fs::create_dir(&out).unwrap();
            for (state, content) in [
                (OutputState::Empty, "first"),
                (OutputState::Occupied, "second"),
                (OutputState::Occupied, "third"),
            ] {
                let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
                assert_eq!(destination.state(), state);
                let staging = export(&mut destination, content);
                assert!(staging.publish_by(MODES, calls).unwrap().is_empty());
                assert_eq!(published(&out).as_deref(), Some(content));
            }
            assert_eq!(names(&folder), ["out"]);
        }
    }

    #[test]
    fn folders_honour_the_umask_and_files_are_their_owner_s() {
        for (umask, expected) in [(0o022, 0o755), (0o027, 0o750), (0o002, 0o775), (0o777, 0)] {
            let (_guard, folder) = temporary();
            let out = folder.join("out");
            let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
            let staging = export(&mut destination, "first");
            assert_eq!(mode(staging.path()), 0o700);
            assert_eq!(mode(&staging.path().join("runs")), 0o700);
            staging.publish(Modes::new(None, umask, true)).unwrap();
            assert_eq!(mode(&out), expected);
            fs::set_permissions(&out, Permissions::from_mode(0o700)).unwrap();
            assert_eq!(mode(&out.join("manifest.json")), 0o600);
            assert_eq!(mode(&out.join("runs")), expected);
            fs::set_permissions(out.join("runs"), Permissions::from_mode(0o700)).unwrap();
            let day = out.join("runs/started_on=2025-09-01");
            assert_eq!(mode(&day), expected);
            fs::set_permissions(&day, Permissions::from_mode(0o700)).unwrap();
            assert_eq!(mode(&day.join("runs.parquet")), 0o600);
        }
    }

    #[test]
    fn files_get_the_mode_that_was_chosen_whatever_the_umask() {
        let (_guard, folder) = temporary();
        let out = folder.join("out");
        let staging = export(&mut Destination::acquire(&out, ONE_PARENT).unwrap(), "first");
        assert!(
            staging
                .publish(Modes::new(Some(0o640), 0o077, true))
                .unwrap()
                .is_empty()
        );
        assert_eq!((mode(&out), mode(&out.join("manifest.json"))), (0o750, 0o640));
        let day = out.join("runs/started_on=2025-09-01");
        assert_eq!((mode(&day), mode(&day.join("runs.parquet"))), (0o750, 0o640));
    }

    #[test]
    fn a_folder_of_a_lower_layer_is_replaced_by_a_copy_and_it_says_so() {
        let (_guard, folder) = temporary();
        let out = folder.join("out");
        let calls = Calls {
            exchange: |_, _| Err(Errno::XDEV),
            move_away: |_, _| Err(Errno::XDEV.into()),
        };
        for content in ["first", "second"] {
            let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
            let warnings = export(&mut destination, content).publish_by(MODES, calls).unwrap();
            assert_eq!(published(&out).as_deref(), Some(content));
            let expected = if content == "first" { 0 } else { 1 };
            assert_eq!(warnings.len(), expected, "{warnings:?}");
        }
        assert_eq!(names(&folder), ["out"]);
    }

    #[test]
    fn a_folder_with_what_a_desktop_left_is_empty() {
        let (_guard, folder) = temporary();
        let out = folder.join("out");
        fs::create_dir_all(out.join(".Trash-0/files")).unwrap();
        fs::write(out.join(".DS_Store"), "").unwrap();
        let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
        assert_eq!(destination.state(), OutputState::Empty);
        let staging = export(&mut destination, "ours");
        fs::write(out.join("thesis.txt"), "").unwrap();
        assert_eq!(staging.publish(MODES).unwrap_err().exit_code(), 6);
        fs::remove_file(out.join("thesis.txt")).unwrap();
        assert!(export(&mut destination, "ours").publish(MODES).unwrap().is_empty());
        assert_eq!(published(&out).as_deref(), Some("ours"));
        drop(destination);
        assert_eq!(names(&folder), ["out"]);
    }

    #[test]
    fn parents_that_nothing_came_into_go_again() {
        let (_guard, folder) = temporary();
        let out = folder.join("exports/acme/2025-09");
        assert_eq!(Destination::acquire(&out, ONE_PARENT).unwrap_err().exit_code(), 6);
        let mut destination = Destination::acquire(&out, 2).unwrap();
        let other = Destination::acquire(&folder.join("exports/beta/2025-09"), 2).unwrap();
        drop(destination.stage().unwrap());
        drop(destination);
        assert_eq!(names(&folder.join("exports")), ["beta"]);
        drop(other);
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn one_process_at_a_time_as_long_as_it_stages() {
        let (_guard, folder) = temporary();
        let out = folder.join("out");
        let mut first = Destination::acquire(&out, ONE_PARENT).unwrap();
        let refused = Destination::acquire(&out, ONE_PARENT).unwrap_err();
        assert_eq!(refused.exit_code(), 8);
        assert!(refused.to_string().contains(out.to_str().unwrap()), "{refused}");
        let staging = export(&mut first, "first");
        drop(first);
        assert_eq!(Destination::acquire(&out, ONE_PARENT).unwrap_err().exit_code(), 8);
        drop(staging);
        assert_eq!(names(&folder), [""; 0]);
        assert!(Destination::acquire(&out, ONE_PARENT).is_ok());
    }

    #[test]
    fn a_symlink_stays_and_the_folder_behind_it_is_replaced() {
        let (_guard, folder) = temporary();
        let (real, link) = (folder.join("disk/real"), folder.join("link"));
        fs::create_dir_all(&real).unwrap();
        std::os::unix::fs::symlink("disk/real", &link).unwrap();
        for content in ["first", "second"] {
            let mut destination = Destination::acquire(&link, ONE_PARENT).unwrap();
            // The same folder by its other name is the same output.
            assert_eq!(Destination::acquire(&real, ONE_PARENT).unwrap_err().exit_code(), 8);
            export(&mut destination, content).publish(MODES).unwrap();
            assert_eq!(published(&link).as_deref(), Some(content));
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&folder.join("disk")), ["real"]);
    }

    #[test]
    fn a_crash_between_two_renamings_is_finished_also_behind_a_symlink() {
        let (_guard, folder) = temporary();
        std::os::unix::fs::symlink("real", folder.join("link")).unwrap();
        for (name, content) in [
            (".real.apify-runs-old", "before"),
            (".real.apify-runs-staging", "after"),
        ] {
            fs::create_dir(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("manifest.json"), content).unwrap();
        }
        let destination = Destination::acquire(&folder.join("link"), ONE_PARENT).unwrap();
        assert_eq!(destination.state(), OutputState::Occupied);
        assert_eq!(published(&folder.join("link")).as_deref(), Some("after"));
        drop(destination);
        assert_eq!(names(&folder), ["link", "real"]);
    }

    #[test]
    fn stale_staging_of_a_killed_process_is_removed() {
        let (_guard, folder) = temporary();
        let stale = folder.join(".out.apify-runs-staging/runs");
        fs::create_dir_all(&stale).unwrap();
        fs::write(folder.join(".out.apify-runs.lock"), "").unwrap();
        let mut destination = Destination::acquire(&folder.join("out"), ONE_PARENT).unwrap();
        assert!(!stale.exists());
        let staging = destination.stage().unwrap();
        assert_eq!(destination.stage().unwrap_err().exit_code(), 6);
        drop(staging);
        assert!(destination.stage().is_ok());
    }

    #[test]
    fn a_folder_that_changed_under_our_hands_is_not_replaced() {
        let (_guard, folder) = temporary();
        let out = folder.join("out");
        // Absent when we began, then somebody else's.
        let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
        let staging = export(&mut destination, "ours");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("thesis.txt"), "").unwrap();
        let message = staging.publish(MODES).unwrap_err().to_string();
        assert!(
            message.ends_with(&format!("{} was not changed", out.display())),
            "{message}"
        );
        assert_eq!(names(&out), ["thesis.txt"]);
        drop(destination);
        // Occupied when we began, then another folder.
        let mut destination = Destination::acquire(&out, ONE_PARENT).unwrap();
        let staging = export(&mut destination, "ours");
        fs::rename(&out, folder.join("moved")).unwrap();
        fs::create_dir(&out).unwrap();
        assert_eq!(staging.publish(MODES).unwrap_err().exit_code(), 6);
        assert_eq!(names(&out), [""; 0]);
        // And gone.
        let staging = export(&mut destination, "ours");
        fs::remove_dir(&out).unwrap();
        staging.publish(MODES).unwrap();
        assert_eq!(published(&out).as_deref(), Some("ours"));
    }

    #[test]
    fn files_are_created_once_and_only_inside() {
        let (_guard, folder) = temporary();
        let mut destination = Destination::acquire(&folder.join("out"), ONE_PARENT).unwrap();
        let staging = destination.stage().unwrap();
        staging.create("runs.csv").unwrap();
        for name in [
            "runs.csv",
            "",
            "../escaped",
            "/tmp/escaped",
            "./runs2.csv",
            "runs.csv/inside",
        ] {
            let error = staging.create(name).unwrap_err();
            assert_eq!(error.exit_code(), 6, "{name}");
            assert!(error.to_string().ends_with("out was not changed"), "{error}");
        }
        assert!(!folder.join("escaped").exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_umask_is_the_one_that_the_kernel_reports() {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap();
        assert_eq!(umask(), u32::from_str_radix(line.trim(), 8).unwrap());
    }
}
