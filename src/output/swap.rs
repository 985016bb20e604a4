//! One folder in the place of another: at once where the file system can, by two renames where it can't, by a copy where not
//! even that goes, and what has to be finished after a crash. Deliberately without locks: the caller holds the only one.
//!
//! What a crash leaves, by what has which name, and what [`finish`] makes of it:
//!
//! | out    | staging | old    | copy   | the crash came                                        | finish             |
//! |--------|---------|--------|--------|-------------------------------------------------------|--------------------|
//! | before | after   |        |        | before the exchange, or before the first rename       | removes staging    |
//! |        | after   | before |        | between the two renames; staging is complete          | makes staging out  |
//! |        |         | before |        | likewise; staging is gone, or lacks its last file     | makes old out      |
//! | after  |         | before |        | after the second rename                               | removes old        |
//! | after  | before  |        |        | after the exchange, or while the old one was removed  | removes staging    |
//! | before | after   |        | part   | while it was copied                                   | removes both       |
//! | part   | after   |        | before | while the one that was copied was removed             | makes staging out  |
//! | part   |         |        | before | likewise; staging is gone, or lacks its last file     | makes copy out     |
//! | after  |         |        | before | after staging got its name                            | removes copy       |
//!
//! A copy is complete, and an export is no longer whole, by its manifest: that is copied last and removed first.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::disk::{UNSUPPORTED, is_one_of, reason, set_mode, sync, sync_folder};
use crate::leftovers::is_leftover;
use crate::output::names::MANIFEST;
use crate::output::output_path::OutputPath;

/// The calls that not every file system has; replaced in tests by some that fail.
#[derive(Clone, Copy)]
pub(super) struct Calls {
    /// Exchanges two folders at once.
    pub(super) exchange: fn(&Path, &Path) -> Result<(), Errno>,
    /// Gives a folder that is there another name.
    pub(super) move_away: fn(&Path, &Path) -> io::Result<()>,
}

pub(super) const CALLS: Calls = Calls {
    exchange: |one, other| renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE),
    move_away: |from, to| fs::rename(from, to),
};

/// How one folder came into the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swapped {
    ByRenaming,
    /// The folder before is in a layer that can't be written, such as that of a container's image.
    ByCopying,
}

/// Puts the staged folder in the place of the one at `out`.
pub(super) fn swap(place: &OutputPath, calls: Calls) -> io::Result<Swapped> {
    match (calls.exchange)(&place.staging(), &place.out()) {
        Err(errno) if UNSUPPORTED.contains(&errno) || errno == Errno::XDEV => swap_by_renaming(place, calls),
        result => Ok(result.map(|()| Swapped::ByRenaming)?),
    }
}

/// Where folders can't be exchanged: aside, then in. A crash between the two is put right by [`finish`].
fn swap_by_renaming(place: &OutputPath, calls: Calls) -> io::Result<Swapped> {
    match (calls.move_away)(&place.out(), &place.old()) {
        Err(error) if is_one_of(&error, &[Errno::XDEV]) => return swap_by_copying(place),
        result => result?,
    }
    fs::rename(place.staging(), place.out()).map_err(|error| put_back(&place.old(), place, &error))?;
    Ok(Swapped::ByRenaming)
}

/// Where the folder can't even be renamed, as one in a lower layer of an overlay: it is copied, removed, and the staged one put
/// in. A crash at any point is put right by [`finish`].
fn swap_by_copying(place: &OutputPath) -> io::Result<Swapped> {
    let (out, copy) = (place.out(), place.copy());
    let copied = copy_folder(&out, &copy).and_then(|()| sync_folder(place.parent()));
    copied.inspect_err(|_| {
        let _ = remove(&copy);
    })?;
    remove_copied(&out, &copy).map_err(|error| match copy_folder(&copy, &out) {
        Ok(()) => {
            let _ = remove(&copy);
            error
        }
        Err(again) => is_kept(&copy, &error, &again),
    })?;
    fs::rename(place.staging(), &out).map_err(|error| put_back(&copy, place, &error))?;
    Ok(Swapped::ByCopying)
}

/// Gives the folder before its name again; the error that kept the other one from it, with what came of that.
fn put_back(kept: &Path, place: &OutputPath, error: &io::Error) -> io::Error {
    match fs::rename(kept, place.out()) {
        Ok(()) => io::Error::other(reason(error)),
        Err(again) => is_kept(kept, error, &again),
    }
}

fn is_kept(kept: &Path, error: &io::Error, again: &io::Error) -> io::Error {
    io::Error::other(format!(
        "{}; the previous folder could not be put back ({}): it is kept in {}, and the next start puts it back",
        reason(error),
        reason(again),
        kept.display()
    ))
}

/// Copies what isn't there yet of a folder into another one, and brings it to the disk, the manifest last; what desktops leave
/// isn't copied.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !exists(to)? {
        DirBuilder::new().mode(0o700).create(to)?;
    }
    let entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    let names = entries.iter().map(fs::DirEntry::file_name);
    let mut names: Vec<_> = names.filter(|name| !is_leftover(&name.to_string_lossy())).collect();
    names.sort_by_key(|name| (name == MANIFEST, name.clone()));
    for name in names {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else if !exists(&target)? {
            if name == MANIFEST {
                sync_folder(to)?;
            }
            fs::copy(&source, &target).inspect_err(|_| {
                let _ = fs::remove_file(&target);
            })?;
            sync(&File::open(&target)?)?;
        }
    }
    let folder = File::open(to)?;
    set_mode(&folder, fs::symlink_metadata(from)?.permissions().mode() & 0o777)?;
    sync(&folder)
}

/// Removes a folder that was copied, its manifest first. What came into it meanwhile is nobody's to remove: then it fails.
fn remove_copied(folder: &Path, copy: &Path) -> io::Result<()> {
    let manifest = folder.join(MANIFEST);
    if exists(&manifest)? {
        fs::remove_file(manifest)?;
        sync_folder(folder)?;
    }
    if !exists(folder)? {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, copied) = (entry.path(), copy.join(entry.file_name()));
        if is_leftover(&entry.file_name().to_string_lossy()) {
            remove(&path)?;
        } else if entry.file_type()?.is_dir() && copied.is_dir() {
            remove_copied(&path, &copied)?;
        } else if exists(&copied)? {
            fs::remove_file(path)?;
        }
    }
    fs::remove_dir(folder)
}

/// Finishes whatever an earlier process left, at any point: a swap goes through, or back where nothing complete is staged; then
/// what is old, copied or staged goes. Nothing to do is fine. Returns what stays under the staging's name since it can't go yet.
pub(super) fn finish(place: &OutputPath) -> io::Result<Vec<PathBuf>> {
    let (out, staging, old, copy) = (place.out(), place.staging(), place.old(), place.copy());
    // The manifest is written last: a folder that has it is complete.
    let is_complete = |folder: &Path| exists(&folder.join(MANIFEST));
    if exists(&old)? && !exists(&out)? {
        fs::rename(if is_complete(&staging)? { &staging } else { &old }, &out)?;
        sync_folder(place.parent())?;
    }
    if exists(&copy)? {
        if is_complete(&copy)? && !is_complete(&out)? {
            remove_copied(&out, &copy)?;
            fs::rename(if is_complete(&staging)? { &staging } else { &copy }, &out)?;
            sync_folder(place.parent())?;
        }
        remove(&copy)?;
    }
    let mut left = remove(&staging)?;
    if exists(&old)? {
        // First out of the way: a half-removed folder must never be taken for one to put back.
        left = match fs::rename(&old, &staging) {
            Ok(()) => remove(&staging)?,
            // Of what stays, or in a layer that can't be written; `out` is there.
            Err(_) => remove(&old)?,
        };
    }
    Ok(left)
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a folder with all that is in it, or whatever else has its name; nothing there is fine. Leftovers that can't be
/// removed, such as files that a process still has open on a network file system, stay: these are returned.
pub(super) fn remove(path: &Path) -> io::Result<Vec<PathBuf>> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => match fs::remove_dir_all(path) {
            Err(_) => return remove_but_leftovers(path),
            Ok(()) => Ok(()),
        },
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(Vec::new()),
    }
}

fn remove_but_leftovers(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let is_folder = entry.file_type()?.is_dir();
        if is_leftover(&entry.file_name().to_string_lossy()) {
            let removed = if is_folder {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            left.extend(removed.err().map(|_| path));
        } else if is_folder {
            left.extend(remove_but_leftovers(&path)?);
        } else {
            fs::remove_file(&path)?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if left.is_empty() => Err(error),
        _ => Ok(left),
    }
}

/// Does something to everything in a folder, whether it is a folder itself, contents first. Leftovers are passed over.
pub(super) fn for_each(
    path: &Path,
    act: &mut impl FnMut(&Path, bool) -> io::Result<()>,
) -> std::result::Result<(), (PathBuf, io::Error)> {
    let at = |error| (path.to_owned(), error);
    let is_folder = fs::symlink_metadata(path).map_err(at)?.is_dir();
    if is_folder {
        for entry in fs::read_dir(path).map_err(at)? {
            let entry = entry.map_err(at)?;
            if !is_leftover(&entry.file_name().to_string_lossy()) {
                for_each(&entry.path(), act)?;
            }
        }
    }
    act(path, is_folder).map_err(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ONE_PARENT;

    /// A folder that holds, by name, exports with this content in their last file.
    struct Disk {
        _guard: tempfile::TempDir,
        place: OutputPath,
    }

    impl Disk {
        fn holding(out: Option<&str>, staging: Option<&str>, old: Option<&str>) -> Disk {
            let guard = tempfile::tempdir().unwrap();
            let place = OutputPath::resolve(&guard.path().join("out"), ONE_PARENT).unwrap();
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

    const NO_EXCHANGE: Calls = Calls {
        exchange: |_, _| Err(Errno::INVAL),
        ..CALLS
    };

    /// As an overlay has it for a folder of a lower layer.
    const LOWER_LAYER: Calls = Calls {
        exchange: |_, _| Err(Errno::XDEV),
        move_away: |_, _| Err(Errno::XDEV.into()),
    };

    #[test]
    fn folders_are_exchanged_at_once_by_renaming_or_by_copying() {
        for (calls, how) in [
            (CALLS, Swapped::ByRenaming),
            (NO_EXCHANGE, Swapped::ByRenaming),
            (LOWER_LAYER, Swapped::ByCopying),
        ] {
            let disk = Disk::holding(Some("before"), Some("after"), None);
            fs::create_dir_all(disk.place.out().join("runs/started_on=2025-09-01")).unwrap();
            fs::write(disk.place.out().join("runs/started_on=2025-09-01/runs.parquet"), "").unwrap();
            fs::write(disk.place.out().join(".DS_Store"), "").unwrap();
            assert_eq!(swap(&disk.place, calls).unwrap(), how);
            assert_eq!(Disk::content(&disk.place.out()).as_deref(), Some("after"));
            finish(&disk.place).unwrap();
            disk.assert_only_out_holds("after");
        }
    }

    #[test]
    fn an_exchange_that_fails_for_another_reason_changes_nothing() {
        let disk = Disk::holding(Some("before"), Some("after"), None);
        let calls = Calls {
            exchange: |_, _| Err(Errno::IO),
            ..CALLS
        };
        let error = swap(&disk.place, calls).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::IO));
        finish(&disk.place).unwrap();
        disk.assert_only_out_holds("before");
    }

    #[test]
    fn a_renaming_that_fails_halfway_is_taken_back() {
        for calls in [NO_EXCHANGE, LOWER_LAYER] {
            let disk = Disk::holding(Some("before"), None, None);
            assert!(swap(&disk.place, calls).is_err());
            disk.assert_only_out_holds("before");
        }
    }

    #[test]
    fn a_crash_while_a_folder_is_copied_or_removed_is_finished_by_the_next_start() {
        let part =
            |disk: &Disk| fs::rename(disk.place.out().join(MANIFEST), disk.place.out().join("runs.csv")).unwrap();
        let copied = |disk: &Disk, is_whole: bool| {
            fs::create_dir(disk.place.copy()).unwrap();
            fs::write(disk.place.copy().join("runs.csv"), "before").unwrap();
            if is_whole {
                fs::write(disk.place.copy().join(MANIFEST), "before").unwrap();
            }
        };
        let (before, after) = (Some("before"), Some("after"));
        for (when, out, staging, is_whole, is_part, expected) in [
            ("while it was copied", before, after, false, false, "before"),
            ("once it was copied", before, after, true, false, "before"),
            ("while it was removed", before, after, true, true, "after"),
            ("once it was removed", None, after, true, false, "after"),
            (
                "while it was removed, with nothing staged",
                before,
                None,
                true,
                true,
                "before",
            ),
            (
                "once it was removed, with nothing staged",
                None,
                None,
                true,
                false,
                "before",
            ),
            ("once the new one had its name", after, None, true, false, "after"),
        ] {
            let disk = Disk::holding(out, staging, None);
            copied(&disk, is_whole);
            if is_part {
                part(&disk);
            }
            finish(&disk.place).unwrap();
            assert_eq!(Disk::content(&disk.place.out()).as_deref(), Some(expected), "{when}");
            disk.assert_only_out_holds(expected);
        }
    }

    #[test]
    fn what_came_into_a_folder_that_is_being_removed_is_not_removed() {
        let disk = Disk::holding(None, Some("after"), None);
        fs::create_dir(disk.place.out()).unwrap();
        fs::write(disk.place.out().join("thesis.txt"), "").unwrap();
        fs::create_dir(disk.place.copy()).unwrap();
        fs::write(disk.place.copy().join(MANIFEST), "before").unwrap();
        assert!(finish(&disk.place).is_err());
        assert!(disk.place.out().join("thesis.txt").exists());
        fs::remove_file(disk.place.out().join("thesis.txt")).unwrap();
        finish(&disk.place).unwrap();
        disk.assert_only_out_holds("after");
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
