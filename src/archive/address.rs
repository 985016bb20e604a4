//! Where an export or a lake is, and as of when a lake is read: the parsed arguments alone, nothing of the place is read.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::period::{Millis, Zone, parse_edge};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveAddress {
    Path(PathBuf),
    /// Only a lake is at a URL.
    Url(String),
}

impl ArchiveAddress {
    pub fn path(&self) -> Option<&Path> {
        match self {
            ArchiveAddress::Path(path) => Some(path),
            ArchiveAddress::Url(_) => None,
        }
    }
}

impl From<OsString> for ArchiveAddress {
    fn from(text: OsString) -> ArchiveAddress {
        match text.to_str() {
            Some(url) if url.contains("://") => ArchiveAddress::Url(url.into()),
            _ => ArchiveAddress::Path(text.into()),
        }
    }
}

impl fmt::Display for ArchiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ArchiveAddress::Path(path) => path.display().fmt(f),
            ArchiveAddress::Url(url) => url.fmt(f),
        }
    }
}

/// As of when a lake is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// After the commit of this number.
    Version(u64),
    /// After the last commit up to this instant.
    At(Millis),
}

impl AsOf {
    /// Reads `--as-of`: digits are a version; a date is its first instant, UTC.
    pub fn parse(text: &str) -> Result<AsOf> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let version = text.parse().map(AsOf::Version);
            return version.map_err(|_| Error::Usage(format!("'{text}' is not a version number")));
        }
        let edge = parse_edge(text).map_err(|error| Error::Usage(format!("{error}; or a version number")))?;
        Ok(AsOf::At(edge.floor(Zone::UTC)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_scheme_is_a_url_and_all_else_a_path() {
        let site = |text: &str| ArchiveAddress::from(OsString::from(text));
        assert_eq!(site("s3://runs/lake"), ArchiveAddress::Url("s3://runs/lake".into()));
        assert_eq!(site("a:b/c"), ArchiveAddress::Path("a:b/c".into()));
        assert_eq!(site("file:///lake").to_string(), "file:///lake");
    }

    #[test]
    fn a_moment_is_a_version_a_date_or_an_instant() {
        assert_eq!(AsOf::parse("12").unwrap(), AsOf::Version(12));
        assert_eq!(AsOf::parse("2025-10-03").unwrap(), AsOf::At(1_759_449_600_000));
        assert_eq!(
            AsOf::parse("2025-10-03T08:00:00+02:00").unwrap(),
            AsOf::At(1_759_471_200_000)
        );
        for wrong in ["", "yesterday", "99999999999999999999999", "-1"] {
            assert_eq!(AsOf::parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
