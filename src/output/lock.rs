//! The kernel's lock on an output: one process at a time, gone with the process however it ends.
//! Deliberately no PID file: what the file holds means nothing, and one left by a killed process locks nobody out. Where a file
//! system has no locks, a file among this machine's temporary ones is locked instead.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::disk::{UNSUPPORTED, is_one_of};
use crate::paths;

/// How often a lock file may be unlinked between opening and locking it before it counts as held; each time another process
/// has just finished.
const ATTEMPTS: usize = 100;

/// Between two looks at a lock that is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks a file without waiting; replaced in tests by one that can't.
type Locking = fn(&File) -> Result<(), Errno>;

/// A held lock; dropping it unlinks the file, then releases it.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Why it keeps out other processes of this machine alone, if it does.
    only_here: Option<Errno>,
    _file: File,
}

impl Lock {
    /// Locks without waiting; `None` where another process holds the lock.
    pub fn take(path: &Path) -> io::Result<Option<Lock>> {
        Lock::take_by(path, kernel_lock, kernel_lock)
    }

    /// Locks by one of two ways: on the path's file system, and where it has no locks, here among the temporary files.
    fn take_by(path: &Path, lock: Locking, here: Locking) -> io::Result<Option<Lock>> {
        match Lock::take_at(path, lock) {
            Err(error) if has_no_locks(&error) => {
                let _ = fs::remove_file(path);
                let taken = Lock::take_at(&stand_in(path), here).map_err(|here| lacks_locks(&error, &here))?;
                Ok(taken.map(|mut lock| {
                    lock.only_here = Errno::from_io_error(&error);
                    lock
                }))
            }
            taken => taken,
        }
    }

    fn take_at(path: &Path, lock: Locking) -> io::Result<Option<Lock>> {
        for _ in 0..ATTEMPTS {
            let file = open(path)?;
            if !is_free(lock(&file))? {
                return Ok(None);
            }
            if is_at(&file, path)? {
                return Ok(Some(Lock {
                    path: path.to_owned(),
                    only_here: None,
                    _file: file,
                }));
            }
        }
        Ok(None)
    }

    /// What must be said of it, if anything: the file system of an output has no locks.
    pub fn warning(&self, output: &Path) -> Option<String> {
        let error = io::Error::from(self.only_here?);
        let (output, reason) = (output.display(), crate::disk::reason(&error));
        Some(format!(
            "the file system of {output} has no locks ({reason}), so a job of another machine could write it at the \
             same time: write it from one machine only, or mount it with locks (NFS: without nolock, with its lock service)"
        ))
    }
}

fn open(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits() as i32)
        .open(path);
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied if path.exists() => io::Error::new(
            error.kind(),
            format!(
                "{} belongs to another user: remove it, or run as that user",
                path.display()
            ),
        ),
        _ => error,
    })
}

fn lacks_locks(there: &io::Error, here: &io::Error) -> io::Error {
    let (there, here, folder) = (
        crate::disk::reason(there),
        crate::disk::reason(here),
        std::env::temp_dir(),
    );
    io::Error::other(format!(
        "its file system has no locks ({there}), and no file can be locked in {} in its place ({here}): mount it with locks (NFS: \
         without nolock, with its lock service), set TMPDIR to a folder on a local disk, or use another place",
        folder.display()
    ))
}

/// The file that is locked in the place of one on a file system without locks: the same for a user and a path.
fn stand_in(path: &Path) -> PathBuf {
    let hash = Sha256::digest(paths::resolve(path).as_os_str().as_encoded_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("apify-runs-lock-{user}-{hash}"))
}

fn has_no_locks(error: &io::Error) -> bool {
    is_one_of(error, &UNSUPPORTED) || is_one_of(error, &[Errno::NOLCK])
}

/// Locks a folder until the handle is dropped; waits up to `time` for another process. `None` where folders can't be locked.
pub fn lock_folder(folder: &Path, time: Duration) -> io::Result<Option<File>> {
    let held = match File::open(folder) {
        // A folder that may be written into, and not read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        opened => opened?,
    };
    let until = Instant::now() + time;
    loop {
        match is_free(kernel_lock(&held)) {
            Ok(true) => return Ok(Some(held)),
            Ok(false) if Instant::now() >= until => return Err(Errno::WOULDBLOCK.into()),
            Ok(false) => std::thread::sleep(PAUSE),
            Err(error) if has_no_locks(&error) || is_one_of(&error, &[Errno::BADF]) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// `File::try_lock` needs Rust 1.89.
fn kernel_lock(file: &File) -> Result<(), Errno> {
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// `false` where another process holds the lock; some network file systems say EACCES then.
fn is_free(locked: Result<(), Errno>) -> io::Result<bool> {
    match locked {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the file locked is still the one that others would open: its holder unlinks it when done.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still held, so that nobody else's file is unlinked; one that stays behind does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_refused_until_the_first_is_done_and_the_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".out.lock");
        let first = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::take(&path).unwrap().is_none());
        drop(first);
        assert!(!path.exists());
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_left_by_a_killed_process_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".out.lock");
        fs::write(&path, "").unwrap();
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn a_lock_on_a_file_that_was_unlinked_or_replaced_meanwhile_is_not_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".out.lock");
        let opened = File::create(&path).unwrap();
        assert!(is_at(&opened, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&opened, &path).unwrap());
        File::create(&path).unwrap();
        assert!(!is_at(&opened, &path).unwrap());
    }

    #[test]
    fn a_symlink_in_the_lock_s_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".out.lock");
        let target = folder.path().join("precious");
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(Lock::take(&path).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn without_locks_on_its_file_system_jobs_of_this_machine_are_kept_out_and_it_says_so() {
        for lacking in [
            (|_: &File| Err(Errno::NOLCK)) as Locking,
            |_| Err(Errno::OPNOTSUPP),
            |_| Err(Errno::NOSYS),
            |_| Err(Errno::INVAL),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(".out.lock");
            let first = Lock::take_by(&path, lacking, kernel_lock).unwrap().unwrap();
            assert!(!path.exists() && stand_in(&path).exists());
            let said = first.warning(Path::new("out")).unwrap();
            assert!(said.starts_with("the file system of out has no locks ("), "{said}");
            assert!(Lock::take_by(&path, lacking, kernel_lock).unwrap().is_none());
            let neither = Lock::take_by(&path, lacking, lacking).unwrap_err().to_string();
            assert!(
                neither.contains("its file system has no locks (") && neither.contains("TMPDIR"),
                "{neither}"
            );
            drop(first);
            assert!(!stand_in(&path).exists());
            assert!(Lock::take(&path).unwrap().unwrap().warning(&path).is_none());
        }
        let held: Locking = |_| Err(Errno::ACCESS);
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Lock::take_by(&folder.path().join("lock"), held, held)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn of_many_takers_in_a_row_never_two_hold_it_at_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".out.lock");
        let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while taken.load(Ordering::SeqCst) < 500 {
                        if let Some(lock) = Lock::take(&path).unwrap() {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            taken.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }
}
