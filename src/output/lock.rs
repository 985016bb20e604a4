//! The kernel's lock on an output: one process at a time, gone with the process however it ends.
//! Deliberately no PID file: what the file holds means nothing, and one left by a killed process locks nobody out.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// How often a lock file may be unlinked between opening and locking it before it counts as held; each time another process
/// has just finished.
const ATTEMPTS: usize = 100;

/// Between two looks at a lock that is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// A held lock; dropping it unlinks the file, then releases it.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks without waiting; `None` where another process holds the lock.
    pub fn take(path: &Path) -> io::Result<Option<Lock>> {
        for _ in 0..ATTEMPTS {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(OFlags::NOFOLLOW.bits() as i32)
                .open(path)?;
            if !try_lock(&file)? {
                return Ok(None);
            }
            if is_at(&file, path)? {
                return Ok(Some(Lock {
                    path: path.to_owned(),
                    _file: file,
                }));
            }
        }
        Ok(None)
    }
}

/// Locks a folder until the handle is dropped; waits up to `time` for another process.
pub fn lock_folder(folder: &Path, time: Duration) -> io::Result<File> {
    let held = File::open(folder)?;
    let until = Instant::now() + time;
    while !try_lock(&held)? {
        if Instant::now() >= until {
            return Err(Errno::WOULDBLOCK.into());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(held)
}

/// `false` where another process holds the lock. `File::try_lock` needs Rust 1.89.
fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
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
