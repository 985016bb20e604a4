//! What file systems differ in: syncing folders, modes, missing parents, and the words for what one of them can't do.
//! What a file or a folder is for is not known here.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::paths::or_current;

/// How file systems say that they have no such operation.
pub const UNSUPPORTED: [Errno; 4] = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];

/// How many parents of an output are created: more that are missing are a disk that isn't mounted, or a mistake.
pub const ONE_PARENT: usize = 1;

/// What mends an error, by its number.
const REMEDIES: [(Errno, &str); 6] = [
    (
        Errno::NOSPC,
        "free some space (or inodes) there, or use a place with more",
    ),
    (Errno::DQUOT, "free some space, raise the quota, or use another place"),
    (Errno::ROFS, "mount it writable, or use another place"),
    (Errno::NAMETOOLONG, "use a shorter name"),
    (
        Errno::LOOP,
        "a symlink leads back to itself: remove it, or use another path",
    ),
    (Errno::XDEV, "it spans two file systems: use a path within one of them"),
];

/// Brings a folder's names to the disk, where its file system has such a thing.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path) {
        // A folder that may be written into, and not read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => sync(&opened?),
    }
}

/// Brings a file's or a folder's content to the disk. Some file systems have no such thing for folders, and pipes have none.
pub fn sync(file: &File) -> io::Result<()> {
    synced(file.sync_all())
}

fn synced(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_one_of(&error, &UNSUPPORTED) || is_one_of(&error, &[Errno::BADF]) => Ok(()),
        result => result,
    }
}

/// Whether an error is one of these.
pub fn is_one_of(error: &io::Error, these: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| these.contains(&errno))
}

/// Whether an error says that a file system has no modes, or that they are not this user's to set.
pub fn refuses_modes(error: &io::Error) -> bool {
    is_one_of(error, &UNSUPPORTED) || is_one_of(error, &[Errno::PERM, Errno::ACCESS])
}

/// Gives a file or a folder a mode; `false` where its file system takes none.
pub fn set_mode(file: &File, mode: u32) -> io::Result<bool> {
    match file.set_permissions(Permissions::from_mode(mode)) {
        Err(error) if refuses_modes(&error) => Ok(file.metadata()?.permissions().mode() & 0o777 == mode),
        result => result.map(|()| true),
    }
}

/// Creates the missing parents of a file or a folder, no more than so many; those that were made, the outermost first.
///
/// # Errors
/// Where more are missing, the outermost of them is named.
pub fn make_parents(path: &Path, levels: usize) -> io::Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    for parent in missing_parents(path, levels)? {
        match fs::create_dir(&parent) {
            Ok(()) => made.push(parent),
            // Another job was first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && parent.is_dir() => {}
            Err(error) => {
                remove_made(&made);
                return Err(error);
            }
        }
    }
    Ok(made)
}

/// Removes folders that were made and stayed empty; they are in the order of [`make_parents`].
pub fn remove_made(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// The parents of a file or a folder that aren't there, the outermost first.
///
/// # Errors
/// Where there are more than so many, the outermost is named.
pub fn missing_parents(path: &Path, levels: usize) -> io::Result<Vec<PathBuf>> {
    let parents = path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
    let is_missing = |parent: &&Path| {
        let found = fs::symlink_metadata(parent);
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let mut missing: Vec<PathBuf> = parents.take_while(is_missing).map(Path::to_path_buf).collect();
    missing.reverse();
    match missing.first() {
        Some(first) if missing.len() > levels => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} does not exist, and only the last folder of a path is created: create it, or mount the disk that holds it",
                first.display()
            ),
        )),
        _ => Ok(missing),
    }
}

/// Whether a folder takes new entries, or where it isn't there, the nearest parent that is.
pub fn check_writable(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().map(or_current) {
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => {
                return match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
                    Err(errno) if !UNSUPPORTED.contains(&errno) => Err(errno.into()),
                    _ => Ok(()),
                };
            }
            // A file that is written over.
            Ok(_) if folder == path => {}
            Ok(_) => return Err(Errno::NOTDIR.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The system's words and what mends it, without Rust's `(os error 2)`.
pub fn reason(error: &io::Error) -> String {
    plain(&error.to_string())
}

/// The same of a text that ends with such words.
pub fn plain(text: &str) -> String {
    let Some((words, number)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (os error ")) else {
        return text.to_owned();
    };
    let number: i32 = match number.parse() {
        Ok(number) => number,
        Err(_) => return text.to_owned(),
    };
    match REMEDIES.iter().find(|(errno, _)| errno.raw_os_error() == number) {
        Some((_, remedy)) => format!("{words}: {remedy}"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(errno: Errno) -> io::Error {
        errno.into()
    }

    #[test]
    fn a_folder_that_cannot_be_synced_is_synced_as_far_as_it_can_be() {
        for errno in [Errno::INVAL, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS, Errno::BADF] {
            assert!(synced(Err(errno.into())).is_ok(), "{errno:?}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::ROFS] {
            assert!(synced(Err(errno.into())).is_err(), "{errno:?}");
        }
    }

    #[test]
    fn an_error_says_what_mends_it() {
        assert_eq!(reason(&error(Errno::NOENT)), "No such file or directory");
        for (errno, part) in [
            (Errno::NOSPC, "No space left on device: free some space"),
            (Errno::DQUOT, "quota"),
            (Errno::ROFS, "Read-only file system: mount it writable"),
            (Errno::NAMETOOLONG, "File name too long: use a shorter name"),
            (Errno::LOOP, "symlink"),
        ] {
            let text = reason(&error(errno));
            assert!(text.contains(part) && !text.contains("os error"), "{text}");
        }
        assert_eq!(
            plain("it is no error (os error of ours)"),
            "it is no error (os error of ours)"
        );
        let wrapped = anyhow::anyhow!("x: {}", error(Errno::NOSPC)).to_string();
        assert!(
            plain(&wrapped).starts_with("x: No space left on device: free"),
            "{wrapped}"
        );
    }

    #[test]
    fn the_nearest_folder_that_is_there_must_take_entries() {
        let folder = tempfile::tempdir().unwrap();
        let below = |path: &str| folder.path().join(path);
        assert!(check_writable(&below("a/b")).is_ok() && check_writable(Path::new("not-there")).is_ok());
        fs::write(below("file"), "").unwrap();
        assert!(check_writable(&below("file")).is_ok());
        assert_eq!(
            check_writable(&below("file/x")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        std::os::unix::fs::symlink("round", below("round")).unwrap();
        assert!(is_one_of(
            &check_writable(&below("round/x")).unwrap_err(),
            &[Errno::LOOP]
        ));
        assert!(is_one_of(
            &check_writable(&below(&"x".repeat(300))).unwrap_err(),
            &[Errno::NAMETOOLONG]
        ));
    }

    #[test]
    fn one_missing_parent_is_made_and_of_more_the_outermost_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let below = |path: &str| folder.path().join(path);
        assert_eq!(make_parents(&below("a/x"), ONE_PARENT).unwrap(), [below("a")]);
        assert!(make_parents(&below("a/x"), ONE_PARENT).unwrap().is_empty());
        let refused = make_parents(&below("nope/dir/x"), ONE_PARENT).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("{} does not exist", below("nope").display())),
            "{refused}"
        );
        assert!(!below("nope").exists());
        let made = make_parents(&below("nope/dir/x"), 2).unwrap();
        assert_eq!(made, [below("nope"), below("nope/dir")]);
        fs::write(below("nope/kept"), "").unwrap();
        remove_made(&made);
        assert!(below("nope").exists() && !below("nope/dir").exists());
        assert!(make_parents(Path::new("x"), ONE_PARENT).unwrap().is_empty());
    }
}
