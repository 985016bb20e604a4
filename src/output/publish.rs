//! How an export becomes visible: staged in a hidden sibling, synced, then swapped in at once, under a lock.
//! Deliberately ignorant of what an export holds, and of whether the one before may be replaced: that is for the
//! caller to decide, between `acquire` and `publish`.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Mode;

use crate::error::{Error, Result};
use crate::output::lock::Lock;
pub use crate::output::output_path::OutputState;
use crate::output::output_path::{OutputPath, reason};
pub use crate::output::swap::sync_folder;
use crate::output::swap::{Exchange, exchange, finish, for_each, remove, swap, sync};
use crate::paths::folder_of;

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
pub struct Destination(Arc<LockedOutput>);

#[derive(Debug)]
struct LockedOutput {
    place: OutputPath,
    state: OutputState,
    /// Device and inode of the folder that `state` is about.
    identity: Option<(u64, u64)>,
    _lock: Lock,
}

impl LockedOutput {
    fn unchanged(&self, doing: &str, path: &Path, error: &io::Error) -> Error {
        let cause = format!("{}; {} was not changed", reason(error), self.place.shown.display());
        Error::output(doing, path, cause)
    }
}

impl Destination {
    /// What stands at `out`; writes nothing. What an interrupted job left is finished by [`Destination::acquire`] only.
    ///
    /// # Errors
    /// [`Error::Output`] where no export could be published: a file, a mount point, a path without a name of its own,
    /// a parent in which nothing can be created.
    pub fn check(out: &Path) -> Result<OutputState> {
        OutputPath::resolve(out)?.check()
    }

    /// Locks `out` without waiting, with its parents created. What an interrupted job left half published is finished, what it
    /// left staged is removed.
    ///
    /// # Errors
    /// As [`Destination::check`], and [`Error::Busy`] where another process holds it.
    pub fn acquire(out: &Path) -> Result<Destination> {
        let place = OutputPath::resolve(out)?;
        place.check()?;
        let failed = |doing: &str, error: io::Error| Error::output(doing, &place.shown, reason(&error));
        fs::create_dir_all(place.parent()).map_err(|error| failed("create the folder of", error))?;
        let anchored = place.clone().anchored();
        let place = anchored.map_err(|error| failed("find the folder of", error))?;
        let lock = Lock::take(&place.lock()).map_err(|error| failed("lock", error))?;
        let lock = lock.ok_or_else(|| {
            let shown = place.shown.display();
            Error::Busy(format!(
                "another apify-runs process is already writing {shown}; nothing was done"
            ))
        })?;
        finish(&place).map_err(|error| Error::output("clear away", &place.staging(), reason(&error)))?;
        // Once more: until it was locked, another process could replace it.
        let state = place.check()?;
        Ok(Destination(Arc::new(LockedOutput {
            identity: place.identity(),
            state,
            _lock: lock,
            place,
        })))
    }

    /// Removes what an interrupted job left staged for `out`, if anything; one that is at work is left alone.
    pub fn clear(out: &Path) -> Result<()> {
        if !OutputPath::resolve(out)?.staging().exists() {
            return Ok(());
        }
        match Destination::acquire(out) {
            Ok(_) | Err(Error::Busy(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether `out` is being replaced on a file system that can't exchange two folders: for a moment, nothing is there.
    pub fn is_in_between(out: &Path) -> bool {
        OutputPath::resolve(out).is_ok_and(|place| place.old().exists())
    }

    /// What stood at `out` when it was acquired, an interrupted publishing finished.
    pub fn state(&self) -> OutputState {
        self.0.state
    }

    /// The folder's real path, behind any symlink.
    pub fn path(&self) -> PathBuf {
        self.0.place.out()
    }

    /// Creates the hidden folder in which an export is put together. There is one at a time.
    pub fn stage(&mut self) -> Result<Staging> {
        let path = self.0.place.staging();
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.map_err(|error| self.0.unchanged("create", &path, &error))?;
        Ok(Staging {
            output: Arc::clone(&self.0),
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
            .mode(0o600)
            .open(&path)
            .map_err(failed)
    }

    /// Brings every file and folder to the disk.
    pub fn sync(&self) -> Result<()> {
        for_each(&self.path, &mut |path, _| sync(&File::open(path)?))
            .map_err(|(path, error)| self.output.unchanged("write", &path, &error))
    }

    /// Makes the export visible, in one step: readers see the old one whole, or the new one. Folders get the modes
    /// that `umask` leaves them; files stay their owner's. To be synced before. Returns a warning where the export is in place,
    /// and what it replaced could not be removed.
    ///
    /// # Errors
    /// [`Error::Output`]; `out` is then as it was.
    pub fn publish(self, umask: u32) -> Result<Option<String>> {
        self.publish_by(umask, exchange)
    }

    fn publish_by(mut self, umask: u32, exchange: Exchange) -> Result<Option<String>> {
        let LockedOutput {
            place, state, identity, ..
        } = &*self.output;
        let mode = 0o777 & !umask;
        for_each(&self.path, &mut |path, is_folder| {
            if !is_folder {
                return Ok(());
            }
            // Opened first: the umask may take it from ourselves.
            let folder = File::open(path)?;
            folder.set_permissions(Permissions::from_mode(mode))?;
            sync(&folder)
        })
        .map_err(|(path, error)| self.output.unchanged("write", &path, &error))?;
        let failed = |error: io::Error| self.output.unchanged("publish", &place.shown, &error);
        match (state, place.identity()) {
            // Also over an empty folder; onto one that has been filled meanwhile, it fails.
            (OutputState::Absent | OutputState::Empty, _) | (OutputState::Occupied, None) => {
                fs::rename(&self.path, place.out()).map_err(failed)?;
            }
            (OutputState::Occupied, found) if found != *identity => {
                return Err(failed(io::Error::other("another folder was put there in the meantime")));
            }
            (OutputState::Occupied, Some(_)) => swap(place, exchange).map_err(failed)?,
        }
        self.published = true;
        let synced = sync_folder(place.parent());
        // The old export, under the staging's name or the old one's.
        let cleaned = synced.and_then(|()| finish(place));
        Ok(cleaned.err().map(|error| {
            let (shown, reason) = (place.shown.display(), reason(&error));
            format!("{shown} was published, but cleaning up failed: {reason}")
        }))
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
    use std::io::Write;

    use rustix::io::Errno;

    use super::*;

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
        let out = folder.join("new/parents/out");
        let mut destination = Destination::acquire(&out).unwrap();
        assert_eq!(destination.state(), OutputState::Absent);
        assert_eq!(destination.path(), out);
        let staging = export(&mut destination, "first");
        assert_eq!(published(&out), None);
        assert_eq!(
            names(out.parent().unwrap()),
            [".out.apify-runs-staging", ".out.apify-runs.lock"]
        );
        assert!(staging.publish(0o022).unwrap().is_none());
        assert_eq!(published(&out).as_deref(), Some("first"));
        drop(destination);
        assert_eq!(names(out.parent().unwrap()), ["out"]);
    }

    #[test]
    fn an_export_is_replaced_by_the_next_with_or_without_an_exchange() {
        for exchange in [exchange as Exchange, |_, _| Err(Errno::NOSYS)] {
            let (_guard, folder) = temporary();
            let out = folder.join("out");
            fs::create_dir(&out).unwrap();
            for (state, content) in [
                (OutputState::Empty, "first"),
                (OutputState::Occupied, "second"),
                (OutputState::Occupied, "third"),
            ] {
                let mut destination = Destination::acquire(&out).unwrap();
                assert_eq!(destination.state(), state);
                let staging = export(&mut destination, content);
                assert!(staging.publish_by(0o022, exchange).unwrap().is_none());
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
            let mut destination = Destination::acquire(&out).unwrap();
            let staging = export(&mut destination, "first");
            assert_eq!(mode(staging.path()), 0o700);
            assert_eq!(mode(&staging.path().join("runs")), 0o700);
            staging.publish(umask).unwrap();
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
    fn one_process_at_a_time_as_long_as_it_stages() {
        let (_guard, folder) = temporary();
        let out = folder.join("out");
        let mut first = Destination::acquire(&out).unwrap();
        let refused = Destination::acquire(&out).unwrap_err();
        assert_eq!(refused.exit_code(), 8);
        assert!(refused.to_string().contains(out.to_str().unwrap()), "{refused}");
        let staging = export(&mut first, "first");
        drop(first);
        assert_eq!(Destination::acquire(&out).unwrap_err().exit_code(), 8);
        drop(staging);
        assert_eq!(names(&folder), [""; 0]);
        assert!(Destination::acquire(&out).is_ok());
    }

    #[test]
    fn a_symlink_stays_and_the_folder_behind_it_is_replaced() {
        let (_guard, folder) = temporary();
        let (real, link) = (folder.join("disk/real"), folder.join("link"));
        fs::create_dir_all(&real).unwrap();
        std::os::unix::fs::symlink("disk/real", &link).unwrap();
        for content in ["first", "second"] {
            let mut destination = Destination::acquire(&link).unwrap();
            // The same folder by its other name is the same output.
            assert_eq!(Destination::acquire(&real).unwrap_err().exit_code(), 8);
            export(&mut destination, content).publish(0o022).unwrap();
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
        let destination = Destination::acquire(&folder.join("link")).unwrap();
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
        let mut destination = Destination::acquire(&folder.join("out")).unwrap();
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
        let mut destination = Destination::acquire(&out).unwrap();
        let staging = export(&mut destination, "ours");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("thesis.txt"), "").unwrap();
        let message = staging.publish(0o022).unwrap_err().to_string();
        assert!(
            message.ends_with(&format!("{} was not changed", out.display())),
            "{message}"
        );
        assert_eq!(names(&out), ["thesis.txt"]);
        drop(destination);
        // Occupied when we began, then another folder.
        let mut destination = Destination::acquire(&out).unwrap();
        let staging = export(&mut destination, "ours");
        fs::rename(&out, folder.join("moved")).unwrap();
        fs::create_dir(&out).unwrap();
        assert_eq!(staging.publish(0o022).unwrap_err().exit_code(), 6);
        assert_eq!(names(&out), [""; 0]);
        // And gone.
        let staging = export(&mut destination, "ours");
        fs::remove_dir(&out).unwrap();
        staging.publish(0o022).unwrap();
        assert_eq!(published(&out).as_deref(), Some("ours"));
    }

    #[test]
    fn files_are_created_once_and_only_inside() {
        let (_guard, folder) = temporary();
        let mut destination = Destination::acquire(&folder.join("out")).unwrap();
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
