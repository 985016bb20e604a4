//! Files that are opened to be read: regular ones, of which no more is read than a bound where they are read whole; pipes too where
//! people give secrets and rules by them. Nothing is waited for without end. What a file means is its readers'.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// The most bytes that are read of a manifest: with as many rules as there may be, it has fewer.
pub const MAX_MANIFEST_BYTES: u64 = 256 << 20;

use crate::text::thousands;

/// The most time for reading a pipe to its end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a regular file; a pipe, a device or a folder is refused without waiting for it.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Before it is opened, since to open a pipe waits for its writer, and to open a device may do anything.
    is_regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    is_regular(&file.metadata()?)?;
    Ok(file)
}

pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_opened(open_regular(path)?, limit)
}

/// The bytes of a file that was opened without waiting, no more than `limit`.
pub fn read_opened(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let found = file.metadata()?;
    is_regular(&found)?;
    if found.len() > limit {
        return Err(too_large(format!("{} bytes", thousands(found.len())), limit));
    }
    read_up_to(file, limit)
}

/// The text of what the user names: a regular file, or a pipe or terminal such as `/dev/stdin` and `<(command)`, which must end within
/// half a minute; no more than `limit` bytes.
pub fn read_given(path: &Path, limit: u64) -> io::Result<String> {
    let found = fs::metadata(path)?.file_type();
    let bytes = if found.is_fifo() || found.is_char_device() {
        read_stream(path, limit, PATIENCE)?
    } else {
        read_regular(path, limit)?
    };
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Reads on a thread of its own, since already to open a pipe waits until somebody writes into it.
fn read_stream(path: &Path, limit: u64, patience: Duration) -> io::Result<Vec<u8>> {
    let (to_us, read) = mpsc::sync_channel(1);
    let path = path.to_path_buf();
    std::thread::spawn(move || {
        let bytes = File::open(&path).and_then(|stream| read_up_to(stream, limit));
        // Nobody hears it when it comes too late.
        let _ = to_us.send(bytes);
    });
    read.recv_timeout(patience).unwrap_or_else(|_| {
        let waited = format!(
            "it is a pipe or device that did not end within {} s",
            patience.as_secs()
        );
        Err(io::Error::new(ErrorKind::TimedOut, waited))
    })
}

fn read_up_to(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large("more".into(), limit));
    }
    Ok(bytes)
}

fn too_large(found: String, limit: u64) -> io::Error {
    let limit = thousands(limit);
    io::Error::new(
        ErrorKind::FileTooLarge,
        format!("it has {found}; the limit is {limit} bytes"),
    )
}

fn is_regular(found: &Metadata) -> io::Result<()> {
    let kind = found.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        format!("it is {what}, not a regular file"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn a_file_is_read_up_to_its_bound_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_regular(&path, 5).unwrap(), b"12345");
        assert_eq!(read_given(&path, 5).unwrap(), "12345");
        let error = read_given(&path, 4).unwrap_err().to_string();
        assert_eq!(error, "it has 5 bytes; the limit is 4 bytes");
    }

    #[test]
    fn a_device_without_end_ends_at_the_bound() {
        let error = read_given(Path::new("/dev/zero"), 1 << 20).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_given(Path::new("/dev/null"), 9).unwrap(), "");
        let error = open_regular(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "it is a device, not a regular file");
    }

    #[test]
    fn a_folder_is_no_file_and_a_pipe_is_read_only_where_that_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        for read in [
            read_given(folder.path(), 9).map(String::into_bytes),
            read_regular(folder.path(), 9),
        ] {
            assert_eq!(read.unwrap_err().to_string(), "it is a folder, not a regular file");
        }
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = read_regular(&pipe, 9).unwrap_err().to_string();
        assert_eq!(error, "it is a named pipe, not a regular file");
        let to_pipe = pipe.clone();
        let writer = std::thread::spawn(move || fs::write(to_pipe, "said"));
        assert_eq!(read_given(&pipe, 9).unwrap(), "said");
        writer.join().unwrap().unwrap();
        // Nobody writes.
        let error = read_stream(&pipe, 9, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
