//! What an export's files are called in a store: below an ID that sorts by time and is nobody else's.

use chrono::DateTime;

use crate::output::manifest::Manifest;
use crate::period::Millis;

/// `20251003T060000Z`.
const INSTANT: &str = "%Y%m%dT%H%M%SZ";
const INSTANT_LENGTH: usize = 16;
/// Hexadecimal digits that tell two exports of one instant apart.
const DIGITS: usize = 8;

/// An ID for an export that began then.
pub fn export_id(started_ms: Millis) -> String {
    let instant = DateTime::from_timestamp_millis(started_ms)
        .unwrap_or_default()
        .format(INSTANT);
    let digits = uuid::Uuid::new_v4().simple().to_string();
    format!("{instant}-{}", &digits[..DIGITS])
}

/// The ID below which an object lies, if it is one.
pub fn id_of(path: &str) -> Option<&str> {
    let (id, _) = path.split_once('/')?;
    let (instant, digits) = id.split_at_checked(INSTANT_LENGTH)?;
    let digits = digits.strip_prefix('-')?;
    let is_instant = chrono::NaiveDateTime::parse_from_str(instant, INSTANT).is_ok();
    let is_hex = digits.len() == DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    (is_instant && is_hex).then_some(id)
}

/// A file's path below an ID, or as it is below none.
pub fn within(id: &str, path: &str) -> String {
    if id.is_empty() {
        path.to_string()
    } else {
        format!("{id}/{path}")
    }
}

/// A manifest that names its files below an ID.
pub fn placed(id: &str, manifest: &Manifest) -> Manifest {
    let mut placed = manifest.clone();
    for file in &mut placed.files {
        file.path = within(id, &file.path);
    }
    placed
}

/// The ID below which a manifest names its files (empty if they lie beside it), and the manifest with paths as a folder has
/// them. `None` if they are not all below the same.
pub fn split(mut manifest: Manifest) -> Option<(String, Manifest)> {
    let id_of = |path: &str| id_of(path).unwrap_or_default().to_string();
    let id = manifest.files.first().map_or(String::new(), |file| id_of(&file.path));
    for file in &mut manifest.files {
        if id_of(&file.path) != id {
            return None;
        }
        if !id.is_empty() {
            file.path.drain(..=id.len());
        }
    }
    Some((id, manifest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_two_of_one_instant_differ() {
        let (earlier, later) = (export_id(1_759_471_200_000), export_id(1_759_471_201_000));
        assert!(earlier.starts_with("20251003T060000Z-"), "{earlier}");
        assert!(earlier < later);
        assert_ne!(earlier, export_id(1_759_471_200_000));
        assert_eq!(id_of(&format!("{earlier}/runs.parquet")), Some(earlier.as_str()));
    }

    #[test]
    fn what_only_looks_like_an_id_is_none() {
        for path in [
            "20251003T060000Z-0123abcd",
            "20251003T060000Z-0123ABCD/x",
            "20251003T060000Z-0123abc/x",
            "20251303T060000Z-0123abcd/x",
            "_delta_log/00000000000000000000.json",
            "runs.parquet",
            "ééééééééé-0123abcd/x",
        ] {
            assert_eq!(id_of(path), None, "{path}");
        }
    }
}
