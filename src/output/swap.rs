//! One folder in the place of another: at once where the file system can, by two renames where it can't, and what
//! has to be finished after a crash. Deliberately without locks: the caller holds the only one.
//!
//! What a crash leaves, by what has which name, and what [`finish`] makes of it:
//!
//! | out    | staging | old    | the crash came                                        | finish             |
//! |--------|---------|--------|-------------------------------------------------------|--------------------|
//! | before | after   |        | before the exchange, or before the first rename       | removes staging    |
//! |        | after   | before | between the two renames; staging is complete          | makes staging out  |
//! |        |         | before | likewise; staging is gone, or lacks its last file     | makes old out      |
//! | after  |         | before | after the second rename                               | removes old        |
//! | after  | before  |        | after the exchange, or while the old one was removed  | removes staging    |

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::output::names::MANIFEST;
use crate::output::output_path::{OutputPath, reason};

/// How a file system says that it can't exchange two folders.
const NO_EXCHANGE: [Errno; 4] = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];

/// Exchanges two folders at once; replaced in tests by one that can't.
pub(super) type Exchange = fn(&Path, &Path) -> Result<(), Errno>;

pub(super) fn exchange(one: &Path, other: &Path) -> Result<(), Errno> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}

/// Puts the staged folder in the place of the one at `out`.
pub(super) fn swap(place: &OutputPath, exchange: Exchange) -> io::Result<()> {
    match exchange(&place.staging(), &place.out()) {
        Err(errno) if NO_EXCHANGE.contains(&errno) => swap_by_renaming(place),
        result => Ok(result?),
    }
}

/// Where folders can't be exchanged: aside, then in. A crash between the two is put right by [`finish`].
fn swap_by_renaming(place: &OutputPath) -> io::Result<()> {
    fs::rename(place.out(), place.old())?;
    fs::rename(place.staging(), place.out()).map_err(|error| match fs::rename(place.old(), place.out()) {
        Ok(()) => error,
        Err(again) => io::Error::other(format!(
            "{}; the previous folder could not be put back ({}): it is kept in {}, and the next start puts it back",
            reason(&error),
            reason(&again),
            place.old().display()
        )),
    })
}

/// Finishes whatever an earlier process left, at any point: a swap by renaming goes through, or back where nothing
/// complete is staged; then what is old or staged goes. Nothing to do is fine.
pub(super) fn finish(place: &OutputPath) -> io::Result<()> {
    let (out, staging, old) = (place.out(), place.staging(), place.old());
    if exists(&old)? && !exists(&out)? {
        // The manifest is written last: a folder that has it is complete.
        let complete = exists(&staging.join(MANIFEST))?;
        fs::rename(if complete { &staging } else { &old }, &out)?;
        sync_folder(place.parent())?;
    }
    remove(&staging)?;
    if exists(&old)? {
        // First out of the way: a half-removed folder must never be taken for one to put back.
        fs::rename(&old, &staging)?;
        remove(&staging)?;
    }
    Ok(())
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a folder with all that is in it, or whatever else has its name; nothing there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

pub fn sync_folder(path: &Path) -> io::Result<()> {
    sync(&File::open(path)?)
}

/// Brings a file's or a folder's contents to the disk.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // Some network file systems have no such thing for folders.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::NOTSUP)) => Ok(()),
        result => result,
    }
}

/// Does something to everything in a folder, whether it is a folder itself, contents first.
pub(super) fn for_each(
    path: &Path,
    act: &mut impl FnMut(&Path, bool) -> io::Result<()>,
) -> std::result::Result<(), (PathBuf, io::Error)> {
    let at = |error| (path.to_owned(), error);
    let is_folder = fs::symlink_metadata(path).map_err(at)?.is_dir();
    if is_folder {
        for entry in fs::read_dir(path).map_err(at)? {
            for_each(&entry.map_err(at)?.path(), act)?;
        }
    }
    act(path, is_folder).map_err(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that holds, by name, exports with this content in their last file.
    struct Disk {
        _guard: tempfile::TempDir,
        place: OutputPath,
    }

    impl Disk {
        fn holding(out: Option<&str>, staging: Option<&str>, old: Option<&str>) -> Disk {
            let guard = tempfile::tempdir().unwrap();
            let place = OutputPath::resolve(&guard.path().join("out")).unwrap();
            for (path, content) in [(place.out(), out), (place.staging(), staging), (place.old(), old)] {
                if let Some(content) = content {
                    fs::create_dir(&path).unwrap();
                    fs::write(path.join(MANIFEST), content).unwrap();
                }
            }
            Disk { _guard: guard, place }
        }

        fn content(path: &Path) -> Option<String> {
            fs::read_to_string(path.join(MANIFEST)).ok()
        }

        fn assert_only_out_holds(&self, expected: &str) {
            assert_eq!(Disk::content(&self.place.out()).as_deref(), Some(expected));
            let names: Vec<_> = fs::read_dir(self.place.parent())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(names, ["out"]);
        }
    }

    fn none(_: &Path, _: &Path) -> Result<(), Errno> {
        Err(Errno::INVAL)
    }

    #[test]
    fn folders_are_exchanged_at_once_or_by_renaming() {
        for exchange in [exchange, none] {
            let disk = Disk::holding(Some("before"), Some("after"), None);
            swap(&disk.place, exchange).unwrap();
            assert_eq!(Disk::content(&disk.place.out()).as_deref(), Some("after"));
            finish(&disk.place).unwrap();
            disk.assert_only_out_holds("after");
        }
    }

    #[test]
    fn an_exchange_that_fails_for_another_reason_changes_nothing() {
        let disk = Disk::holding(Some("before"), Some("after"), None);
        let error = swap(&disk.place, |_, _| Err(Errno::IO)).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::IO));
        finish(&disk.place).unwrap();
        disk.assert_only_out_holds("before");
    }

    #[test]
    fn a_renaming_that_fails_halfway_is_taken_back() {
        let disk = Disk::holding(Some("before"), None, None);
        assert!(swap(&disk.place, none).is_err());
        disk.assert_only_out_holds("before");
    }

    #[test]
    fn every_crash_is_finished_by_the_next_start() {
        let (before, after) = (Some("before"), Some("after"));
        let cases = [
            (
                "before the first renaming, or an exchange",
                (before, after, None),
                "before",
            ),
            ("between the two renamings", (None, after, before), "after"),
            ("after the second", (after, None, before), "after"),
            (
                "after an exchange, or with the old one moved out of the way",
                (after, before, None),
                "after",
            ),
            ("with nothing staged", (None, None, before), "before"),
        ];
        for (when, (out, staging, old), expected) in cases {
            let disk = Disk::holding(out, staging, old);
            finish(&disk.place).unwrap();
            assert_eq!(Disk::content(&disk.place.out()).as_deref(), Some(expected), "{when}");
            disk.assert_only_out_holds(expected);
            finish(&disk.place).unwrap();
            disk.assert_only_out_holds(expected);
        }
    }

    #[test]
    fn an_incomplete_export_is_never_put_in_place() {
        let disk = Disk::holding(None, Some("half"), Some("before"));
        fs::rename(
            disk.place.staging().join(MANIFEST),
            disk.place.staging().join("runs.csv"),
        )
        .unwrap();
        finish(&disk.place).unwrap();
        disk.assert_only_out_holds("before");
    }

    #[test]
    fn what_is_no_folder_goes_too_and_a_symlink_s_target_stays() {
        let disk = Disk::holding(Some("before"), None, None);
        std::os::unix::fs::symlink(disk.place.out(), disk.place.staging()).unwrap();
        fs::write(disk.place.old(), "").unwrap();
        finish(&disk.place).unwrap();
        disk.assert_only_out_holds("before");
    }
}
