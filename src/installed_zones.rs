//! The time zone rules that this machine has, where they are newer than those compiled in. Periods and days are never made by
//! them: equal exports must not depend on the machine. Only a warning is.

use std::path::{Path, PathBuf};

use crate::bounded::read_regular;
use crate::period::{Period, Zone, format_instant, rules_version};

/// Another folder of compiled zones than the usual, as `tzset` has it.
const FOLDER_VARIABLE: &str = "TZDIR";
const USUAL_FOLDER: &str = "/usr/share/zoneinfo";
/// Files that say which release the folder is of: the IANA's own in its first line, and Apple's.
const VERSION_FILES: [&str; 2] = ["tzdata.zi", "+VERSION"];
/// The most bytes that are read of a file; the largest has 110 KB.
const MAX_BYTES: u64 = 4 << 20;

/// What must be said of a period of which this machine's newer rules place an end, or a day in it, elsewhere.
pub fn warning(period: &Period) -> Option<String> {
    if period.timezone == Zone::UTC {
        return None;
    }
    let folder = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    let folder = folder.map_or_else(|| PathBuf::from(USUAL_FOLDER), PathBuf::from);
    let version = VERSION_FILES.iter().find_map(|name| version_in(&folder.join(name)))?;
    let ours = rules_version();
    // As texts: after `z` comes `za`.
    if version.as_str() <= ours {
        return None;
    }
    let zone = period.timezone;
    let newer = zone.with_rules(&read_regular(&folder.join(zone.name()), MAX_BYTES).ok()?)?;
    let moved = period.first_moved_day(newer)?;
    let [here, there] = [moved.here, moved.there].map(format_instant);
    Some(format!(
        "{zone}: {} begins at {here} by the time zone rules of apify-runs (tz {ours}), but at {there} by the newer ones of this \
         machine (tz {version}, in {}); the former are used. Update apify-runs, or give the period as instants, such as --from {there}",
        moved.day,
        folder.display()
    ))
}

/// The release that a file names: `# version 2026c`, or `2026c`.
fn version_in(path: &Path) -> Option<String> {
    let text = read_regular(path, MAX_BYTES).ok()?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).ok()?.trim();
    let version = line.strip_prefix("# version ").unwrap_or(line);
    let end = version
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(version.len());
    let (year, letters) = version[..end].split_at_checked(4)?;
    let is_release =
        year.bytes().all(|byte| byte.is_ascii_digit()) && letters.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_release && !letters.is_empty()).then(|| version[..end].into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_release_is_read_from_the_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tzdata.zi");
        for (text, expected) in [
            ("# version 2026c\nR d 1916", Some("2026c")),
            ("# version 2026za-rearguard\n", Some("2026za")),
            ("2025b\n", Some("2025b")),
            ("# tzdb data\n", None),
            ("# version unknown\n", None),
            ("20", None),
            ("", None),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(version_in(&path).as_deref(), expected, "{text}");
        }
        assert_eq!(version_in(&folder.path().join("absent")), None);
    }
}
