//! The numbered CSV files of FOCUS in a report's folder: how a thread puts them together, which stand there from before, and
//! how they are listed. Not what is in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::{Error, Result};
use crate::output::names::{FOCUS_CSV, focus_part};

/// Creates staged files, each closed when it is written: there may be more than a process can hold open.
pub struct StagedParts {
    /// Where they are put together.
    pub staging: PathBuf,
    /// Where they will be.
    pub folder: PathBuf,
    /// The mode with which they are created, less the umask, and the one that was chosen.
    pub created: u32,
    pub chosen: Option<u32>,
}

impl StagedParts {
    /// Writes a whole file.
    ///
    /// # Errors
    /// [`Error::Output`], naming the path that it would have.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        if path.is_dir() {
            return Err(Error::output("write", &path, "it is a folder"));
        }
        let written = self.create(name).and_then(|mut file| {
            file.write_all(bytes)?;
            if let Some(mode) = self.chosen {
                // Whether the file system takes modes, the report's other files tell.
                disk::set_mode(&file, mode)?;
            }
            disk::sync(&file)
        });
        written.map_err(|error| Error::output("write", &path, error))
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(self.created);
        options.open(self.staging.join(name))
    }
}

/// The FOCUS files in a folder that are of an earlier report, where one with so many parts is to stand, zero being `focus.csv`
/// alone. In the order in which to remove them: parts that remain are numbered from one without a gap.
pub fn stale_files(folder: &Path, parts: u32) -> Vec<String> {
    let is_there = |name: &String| fs::symlink_metadata(folder.join(name)).is_ok_and(|found| !found.is_dir());
    // A gap ends them: beyond it are files of somebody else, such as focus-2025.csv.
    let mut stale: Vec<String> = (parts + 1..).map(focus_part).take_while(is_there).collect();
    stale.reverse();
    stale.extend(Some(FOCUS_CSV.to_string()).filter(|name| parts > 0 && is_there(name)));
    stale
}

/// Names of files for a person; of many parts, the first and the last.
pub fn listed(files: &[String]) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut rest = files;
    while let Some(first) = rest.first() {
        let number = part_number(first);
        let count = match number {
            Some(number) => {
                let follows = |(at, name): &(usize, &String)| part_number(name) == Some(number + *at as u32);
                rest.iter().enumerate().take_while(follows).count()
            }
            None => 1,
        };
        let (run, after) = rest.split_at(count);
        match run {
            [first, .., last] if count > 2 => shown.push(format!("{first} to {last}")),
            run => shown.extend(run.iter().cloned()),
        }
        rest = after;
    }
    shown.join(", ")
}

fn part_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix("focus-")?.strip_suffix(".csv")?.parse().ok()?;
    (focus_part(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_stale_up_to_a_gap_and_the_whole_file_beside_parts() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "focus.csv",
            "focus-0001.csv",
            "focus-0002.csv",
            "focus-0003.csv",
            "focus-2025.csv",
        ];
        names
            .iter()
            .for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        let stale = |parts| stale_files(folder.path(), parts);
        assert_eq!(stale(0), ["focus-0003.csv", "focus-0002.csv", "focus-0001.csv"]);
        assert_eq!(stale(2), ["focus-0003.csv", "focus.csv"]);
        assert_eq!(stale(9), ["focus.csv"]);
        fs::remove_file(folder.path().join("focus-0002.csv")).unwrap();
        fs::create_dir(folder.path().join("focus-0002.csv")).unwrap();
        assert_eq!(stale(0), ["focus-0001.csv"]);
    }

    #[test]
    fn many_parts_are_listed_by_the_first_and_the_last() {
        let names = |parts: std::ops::RangeInclusive<u32>| -> Vec<String> { parts.map(focus_part).collect() };
        let three = [vec!["focus.parquet".to_string()], names(1..=3)].concat();
        assert_eq!(listed(&three), "focus.parquet, focus-0001.csv to focus-0003.csv");
        assert_eq!(listed(&names(4..=5)), "focus-0004.csv, focus-0005.csv");
        assert_eq!(
            listed(&["focus-1.csv".to_string(), "report.md".to_string()]),
            "focus-1.csv, report.md"
        );
        assert_eq!(listed(&[]), "");
    }
}
