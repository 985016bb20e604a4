//! Where an export goes: what `--out` names, what stands there, and whether a finished folder could be put there.
//! Deliberately writes nothing, so that it can be asked before the first request.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::disk::{UNSUPPORTED, is_one_of, missing_parents, reason};
use crate::error::{Error, Result};
use crate::leftovers::is_leftover;
use crate::paths::or_current;

/// The longest name that leaves room for `.NAME.apify-runs-staging` within the usual 255 bytes.
const LONGEST_NAME: usize = 255 - ".".len() - ".apify-runs-staging".len();

/// How many dangling symlinks are followed, one to the next.
const LINKS: usize = 40;

/// What an export would replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputState {
    Absent,
    /// A folder without entries, but for what desktops leave.
    Empty,
    Occupied,
}

/// `--out` resolved: symlinks followed, since the folder behind them is what is replaced.
#[derive(Clone, Debug)]
pub struct OutputPath {
    /// As it was typed, for messages.
    pub shown: PathBuf,
    parent: PathBuf,
    name: OsString,
    /// How many of its parents may be missing.
    levels: usize,
}

impl OutputPath {
    /// Finds the folder that `out` names. So many of its parents may be missing. Unlike `paths::resolve`, it follows a symlink to
    /// a folder that isn't there yet.
    pub fn resolve(out: &Path, levels: usize) -> Result<OutputPath> {
        let mut path = out.to_owned();
        for _ in 0..LINKS {
            match fs::canonicalize(&path) {
                Ok(real) => return OutputPath::named(out, levels, real.parent(), real.file_name()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::output("use the output folder", out, reason(&error))),
            }
            let parent = path.parent().map(or_current).ok_or_else(|| nameless(out))?;
            // Without a trailing slash, which would follow the symlink.
            match fs::read_link(path.components().as_path()) {
                Ok(target) => path = parent.join(target),
                Err(_) => return OutputPath::named(out, levels, Some(parent), path.file_name()),
            }
        }
        Err(Error::output("use the output folder", out, "too many symlinks"))
    }

    fn named(out: &Path, levels: usize, parent: Option<&Path>, name: Option<&OsStr>) -> Result<OutputPath> {
        let (Some(parent), Some(name)) = (parent, name) else {
            return Err(nameless(out));
        };
        if name.as_bytes().len() > LONGEST_NAME {
            let cause = format!("its name is longer than {LONGEST_NAME} bytes");
            return Err(Error::output("use the output folder", out, cause));
        }
        Ok(OutputPath {
            shown: out.to_owned(),
            parent: parent.to_owned(),
            name: name.to_owned(),
            levels,
        })
    }

    /// Fixes the parent, which exists by now, for good: whatever the current folder becomes later.
    pub fn anchored(mut self) -> io::Result<OutputPath> {
        self.parent = fs::canonicalize(&self.parent)?;
        Ok(self)
    }

    pub fn parent(&self) -> &Path {
        &self.parent
    }

    /// The folder that readers know.
    pub fn out(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// Where an export is put together, and where a replaced one is removed.
    pub fn staging(&self) -> PathBuf {
        self.sibling(".apify-runs-staging")
    }

    /// Where a replaced export waits, on file systems that can't exchange two folders.
    pub fn old(&self) -> PathBuf {
        self.sibling(".apify-runs-old")
    }

    /// Where a copy of a replaced export waits, on file systems that can't rename its folder.
    pub fn copy(&self) -> PathBuf {
        self.sibling(".apify-runs-copy")
    }

    pub fn lock(&self) -> PathBuf {
        self.sibling(".apify-runs.lock")
    }

    fn sibling(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(suffix);
        self.parent.join(name)
    }

    /// What stands at `out`, if a finished folder could take its place.
    pub fn check(&self) -> Result<OutputState> {
        let state = self.state()?;
        if state != OutputState::Absent && is_mount_point(&self.out(), &self.parent) {
            return Err(Error::Output(format!(
                "cannot replace {}: it is a mount point, which cannot be replaced by a finished folder; use a folder \
                 inside it, e.g. {}",
                self.shown.display(),
                self.shown.join("apify-runs").display()
            )));
        }
        self.check_parent()?;
        Ok(state)
    }

    /// What stands at `out`, whether or not anything could take its place.
    pub fn state(&self) -> Result<OutputState> {
        let failed = |error: io::Error| Error::output("read", &self.shown, error);
        match fs::metadata(self.out()) {
            Ok(found) if !found.is_dir() => Err(Error::output("use the output folder", &self.shown, "it is a file")),
            Ok(_) => {
                for entry in fs::read_dir(self.out()).map_err(failed)? {
                    if !is_leftover(&entry.map_err(failed)?.file_name().to_string_lossy()) {
                        return Ok(OutputState::Occupied);
                    }
                }
                Ok(OutputState::Empty)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(OutputState::Absent),
            Err(error) => Err(failed(error)),
        }
    }

    /// The parents that have to be created, the outermost first.
    pub fn missing_parents(&self) -> Result<Vec<PathBuf>> {
        missing_parents(&self.out(), self.levels).map_err(|error| Error::output("write", &self.shown, error))
    }

    /// Whether the parent, or the nearest ancestor that exists, takes new entries.
    fn check_parent(&self) -> Result<()> {
        self.missing_parents()?;
        let nearest = self
            .parent
            .ancestors()
            .map(or_current)
            .find(|folder| fs::symlink_metadata(folder).is_ok());
        let nearest = nearest.unwrap_or(Path::new("/"));
        let cause = match fs::metadata(nearest) {
            Ok(found) if !found.is_dir() => "it is not a folder".to_owned(),
            Ok(_) => match access(nearest, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => return Ok(()),
                // Whether it takes any is found out by creating one.
                Err(errno) if is_one_of(&errno.into(), &UNSUPPORTED) => return Ok(()),
                Err(errno) => reason(&errno.into()),
            },
            Err(error) => reason(&error),
        };
        Err(Error::Output(format!(
            "cannot write {}: nothing can be created in {}: {cause}",
            self.shown.display(),
            nearest.display()
        )))
    }

    /// Device and inode of the folder at `out`, which tell it from another one put there meanwhile.
    pub fn identity(&self) -> Option<(u64, u64)> {
        let found = fs::symlink_metadata(self.out()).ok()?;
        Some((found.dev(), found.ino()))
    }
}

fn nameless(out: &Path) -> Error {
    let cause = "it has no name of its own, so it cannot be replaced by a finished folder; use a folder inside it";
    Error::output("use the output folder", out, cause)
}

/// Whether `folder` is where a file system, or a part of one, is mounted.
fn is_mount_point(folder: &Path, parent: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        // Unlike the device, it also knows bind mounts within one file system.
        if let Ok(found) = statx(CWD, folder, AtFlags::empty(), StatxFlags::BASIC_STATS)
            && found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
        {
            return found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
        }
    }
    match (fs::metadata(folder), fs::metadata(parent)) {
        (Ok(folder), Ok(parent)) => folder.dev() != parent.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::disk::ONE_PARENT;

    fn check(out: &Path) -> Result<OutputState> {
        OutputPath::resolve(out, ONE_PARENT)?.check()
    }

    /// A temporary folder by its real path: macOS keeps those behind a symlink.
    fn temporary() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn refusal(out: &Path) -> String {
        let error = check(out).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        error.to_string()
    }

    #[test]
    fn what_stands_there_is_told_and_nothing_is_written() {
        let (_guard, folder) = temporary();
        assert_eq!(check(&folder.join("out")).unwrap(), OutputState::Absent);
        assert_eq!(check(&folder.join("not-yet/out/")).unwrap(), OutputState::Absent);
        let unmounted = folder.join("not");
        assert!(refusal(&folder.join("not/yet/out")).contains(&format!("{} does not exist", unmounted.display())));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::create_dir(folder.join("out")).unwrap();
        assert_eq!(check(&folder.join("out")).unwrap(), OutputState::Empty);
        assert_eq!(check(&folder.join("out//")).unwrap(), OutputState::Empty);
        fs::create_dir_all(folder.join("out/.Trash-0/files")).unwrap();
        fs::write(folder.join("out/.DS_Store"), "").unwrap();
        assert_eq!(check(&folder.join("out")).unwrap(), OutputState::Empty);
        fs::write(folder.join("out/.hidden"), "").unwrap();
        assert_eq!(check(&folder.join("out/.")).unwrap(), OutputState::Occupied);
        assert_eq!(check(&folder.join("out/../out")).unwrap(), OutputState::Occupied);
    }

    #[test]
    fn the_hidden_siblings_stand_beside_the_folder_behind_a_symlink() {
        let (_guard, folder) = temporary();
        fs::create_dir_all(folder.join("disk/real")).unwrap();
        symlink("disk/real", folder.join("link")).unwrap();
        let place = OutputPath::resolve(&folder.join("link/"), ONE_PARENT).unwrap();
        assert_eq!(place.out(), folder.join("disk/real"));
        assert_eq!(place.staging(), folder.join("disk/.real.apify-runs-staging"));
        assert_eq!(place.old(), folder.join("disk/.real.apify-runs-old"));
        assert_eq!(place.lock(), folder.join("disk/.real.apify-runs.lock"));
    }

    #[test]
    fn a_dangling_symlink_means_the_folder_that_it_will_show() {
        let (_guard, folder) = temporary();
        symlink("two", folder.join("one")).unwrap();
        symlink(folder.join("three"), folder.join("two")).unwrap();
        for out in ["one", "one/"] {
            let place = OutputPath::resolve(&folder.join(out), ONE_PARENT).unwrap();
            assert_eq!(place.out(), folder.join("three"));
            assert_eq!(place.check().unwrap(), OutputState::Absent);
        }
        symlink("round", folder.join("round")).unwrap();
        refusal(&folder.join("round"));
    }

    #[test]
    fn a_relative_path_means_the_current_folder_s() {
        let here = std::env::current_dir().unwrap();
        let place = OutputPath::resolve(Path::new("not-there-either"), ONE_PARENT).unwrap();
        assert_eq!(place.check().unwrap(), OutputState::Absent);
        assert_eq!(
            place.anchored().unwrap().out(),
            here.canonicalize().unwrap().join("not-there-either")
        );
        assert_eq!(
            OutputPath::resolve(Path::new("."), ONE_PARENT).unwrap().out(),
            here.canonicalize().unwrap()
        );
    }

    #[test]
    fn files_and_folders_without_a_name_are_refused() {
        let (_guard, folder) = temporary();
        let file = folder.join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(
            refusal(&file),
            format!("cannot use the output folder {}: it is a file", file.display())
        );
        refusal(&file.join("out"));
        for out in ["/", "", "..//../../../../../../../../..", "not/there/.."] {
            assert!(refusal(Path::new(out)).contains("it has no name"), "{out}");
        }
        assert!(refusal(&folder.join("x".repeat(236))).contains("235 bytes"));
        assert_eq!(check(&folder.join("x".repeat(235))).unwrap(), OutputState::Absent);
    }

    #[test]
    fn a_parent_in_which_nothing_can_be_created_is_refused_by_name() {
        let (_guard, folder) = temporary();
        let locked = folder.join("locked");
        fs::create_dir(&locked).unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
        if rustix::process::geteuid().is_root() {
            return;
        }
        let out = locked.join("new/out");
        assert_eq!(
            refusal(&out),
            format!(
                "cannot write {}: nothing can be created in {}: Permission denied",
                out.display(),
                locked.display()
            )
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_mount_point_is_refused_with_what_to_do() {
        assert_eq!(
            refusal(Path::new("/proc")),
            "cannot replace /proc: it is a mount point, which cannot be replaced by a finished folder; use a folder \
             inside it, e.g. /proc/apify-runs"
        );
        let (_guard, folder) = temporary();
        assert!(!is_mount_point(&folder, folder.parent().unwrap()));
    }
}
