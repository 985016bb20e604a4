//! The names of `--out` where it is a folder. One that ends as a file's was meant as a file, and a folder of that name would be
//! found by nobody. A name that ends in `/` is a folder's, whatever stands before.

use std::path::Path;

use crate::error::{Error, Result};
use crate::text::redacted;

/// The endings of our files, and the file of an export that has each.
const FILES: [(&str, &str); 7] = [
    ("csv", "runs.csv"),
    ("html", "report.html"),
    ("json", "report.json"),
    ("md", "report.md"),
    ("parquet", "runs.parquet"),
    ("txt", "summary.txt"),
    ("xlsx", "report.xlsx"),
];

/// The ending of a file of ours in a name, in small letters; none of a folder's.
pub fn file_ending(out: &Path) -> Option<&'static str> {
    file(out).map(|(ending, _)| ending)
}

/// Exit 2 where `--out` of an export names a file.
pub fn check_export(out: &Path) -> Result<()> {
    match file(out) {
        Some((ending, name)) => Err(refusal(
            out,
            ending,
            &format!("an export is a folder, with {name} in it"),
        )),
        None => Ok(()),
    }
}

/// The same of another folder, by what is written into it.
pub fn check(out: &Path, content: &str) -> Result<()> {
    file_ending(out).map_or(Ok(()), |ending| Err(refusal(out, ending, content)))
}

fn file(out: &Path) -> Option<(&'static str, &'static str)> {
    if out.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return None;
    }
    let ending = out.extension()?.to_ascii_lowercase();
    FILES.into_iter().find(|(known, _)| ending == *known)
}

fn refusal(out: &Path, ending: &str, content: &str) -> Error {
    let shown = redacted(&out.to_string_lossy());
    let folder = redacted(&out.with_extension("").to_string_lossy());
    Error::Usage(format!(
        "--out {shown} names a file, but {content}: use --out {folder}, or --out {shown}/ for a folder whose name ends in .{ending}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_s_by_its_ending_and_a_folder_s_with_a_slash() {
        for (name, ending) in [
            ("x.xlsx", Some("xlsx")),
            ("a/{month}.CSV", Some("csv")),
            ("s3://bucket/runs.parquet", Some("parquet")),
            ("x.md/", None),
            ("x", None),
            ("2025.09", None),
            (".csv", None),
            ("x.csv/y", None),
        ] {
            assert_eq!(file_ending(Path::new(name)), ending, "{name}");
        }
        let refused = check_export(Path::new("a/x.xlsx")).unwrap_err();
        assert_eq!(
            (refused.exit_code(), refused.to_string().as_str()),
            (
                2,
                "--out a/x.xlsx names a file, but an export is a folder, with report.xlsx in it: use --out a/x, or --out a/x.xlsx/ \
                 for a folder whose name ends in .xlsx"
            )
        );
        assert!(check_export(Path::new("a/x.xlsx/")).is_ok());
    }
}
