//! Names of what desktops, editors and file systems leave in any folder. They are nobody's data: no part of an export or a
//! lake, and no reason to refuse one. `docs/operations.md` lists them.

use std::path::{Component, Path};

/// Whole names, of files and of folders.
const NAMES: [&str; 17] = [
    ".DS_Store",
    ".Spotlight-V100",
    ".Trashes",
    ".AppleDouble",
    ".TemporaryItems",
    ".fseventsd",
    ".localized",
    ".directory",
    ".snapshot",
    "Thumbs.db",
    "Thumbs.db:encryptable",
    "desktop.ini",
    "ehthumbs.db",
    "@eaDir",
    "lost+found",
    "#recycle",
    "$RECYCLE.BIN",
];

/// Beginnings and ends of names.
const PATTERNS: [(&str, &str); 15] = [
    // Office and LibreOffice, while a file is open.
    ("~$", ""),
    (".~lock.", "#"),
    // macOS on file systems without its attributes.
    ("._", ""),
    // Files that were removed while a process had them open.
    (".nfs", ""),
    (".fuse_hidden", ""),
    (".smbdelete", ""),
    // Wastebaskets.
    (".Trash-", ""),
    // Editors: copies, swap files, locks.
    ("", "~"),
    (".", ".swp"),
    (".", ".swo"),
    (".", ".swx"),
    ("#", "#"),
    (".#", ""),
    // Programs that keep folders the same.
    (".syncthing.", ""),
    ("~syncthing~", ""),
];

/// Whether a file or a folder of this name is such a thing.
pub fn is_leftover(name: &str) -> bool {
    let is_like = |(begin, end): &(&str, &str)| {
        name.len() > begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
    };
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) || PATTERNS.iter().any(is_like)
}

/// Whether a path is such a thing, or lies in one.
pub fn is_leftover_path(path: &Path) -> bool {
    path.components().any(|part| match part {
        Component::Normal(name) => is_leftover(&name.to_string_lossy()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_leave_is_told_from_files_of_exports_and_lakes() {
        for name in [
            "~$report.xlsx",
            ".~lock.report.xlsx#",
            ".DS_Store",
            "._report.csv",
            "Thumbs.db",
            "thumbs.db",
            "desktop.ini",
            ".nfs000000000123abcd00000001",
            ".fuse_hidden0000000a00000001",
            ".directory",
            ".Trash-1000",
            "ehthumbs.db",
            "@eaDir",
            ".Spotlight-V100",
            ".localized",
            "runs.csv~",
            ".runs.csv.swp",
            "#runs.csv#",
            ".#runs.csv",
            ".syncthing.runs.csv.tmp",
            "lost+found",
            ".snapshot",
        ] {
            assert!(is_leftover(name), "{name}");
        }
        for name in [
            "runs.csv",
            "manifest.json",
            "notes.txt",
            ".hidden",
            "report.xlsx",
            "~",
            "runs.csv.bak",
            "#1",
            "part-0.zstd.parquet#1",
            "_delta_log",
            "_last_checkpoint",
            ".out.apify-runs-staging",
        ] {
            assert!(!is_leftover(name), "{name}");
        }
        assert!(is_leftover_path(Path::new("lost+found/thesis.txt")));
        assert!(!is_leftover_path(Path::new("runs/started_on=2025-09-01/runs.parquet")));
    }
}
