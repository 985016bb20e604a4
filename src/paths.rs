//! Paths as the file system has them, whether or not all of them is there yet. Looks, and writes nothing. Not where an export
//! goes (`output::output_path`), which also follows a symlink to what isn't there.

use std::io;
use std::path::{Component, Path, PathBuf};

/// A path from the root on without `.`, `..` and symlinks, as far as it is there; what isn't there is taken as it is written.
pub fn resolve(path: &Path) -> PathBuf {
    let mut resolved = std::env::current_dir().unwrap_or_default();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            _ => resolved.push(component),
        }
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    resolved
}

/// The same of a folder that is to be made. An error where it leads up from one that isn't there: the kernel would refuse it.
pub fn resolve_folder(folder: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(folder)?;
    let mut missing = absolute.ancestors().take_while(|path| !path.exists());
    if missing.any(|path| path.ends_with("..")) {
        return Err(io::Error::other("it has .. after a folder that does not exist"));
    }
    Ok(resolve(folder))
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    or_current(path.parent().unwrap_or(Path::new("")))
}

/// The folder itself; the current one where a relative path ends.
pub fn or_current(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Whether a path names a place in an object store.
pub fn names_store(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| matches!(scheme, "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("a")).unwrap();
        std::os::unix::fs::symlink(real.join("a"), real.join("b")).unwrap();
        let at = |text: &str| resolve(&real.join(text));
        for spelling in ["a/x", "./a/x/", "a/../a/x", "b/x", "nothing/../a/./x", "a/x/y/.."] {
            assert_eq!(at(spelling), real.join("a/x"), "{spelling}");
        }
        assert_ne!(at("a/xy"), at("a/x"));
    }
}
