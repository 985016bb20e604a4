//! `manifest.json`, as it is read and written.

use std::path::Path;

use super::has_place;
use crate::output::manifest::{Manifest, is_within};

/// A manifest. The place of a refusal is the export's path, with the line and the column where it is no manifest.
pub fn manifest(bytes: &[u8]) {
    let export = Path::new("the-export");
    let manifest = match Manifest::parse(bytes, export) {
        Ok(manifest) => manifest,
        Err(refusal) => {
            let refusal = refusal.to_string();
            has_place(&refusal, &["the-export"]);
            return has_place(&refusal, &["line ", "schema_version", "its path leaves the export"]);
        }
    };
    assert!(manifest.files.iter().all(|file| is_within(&file.path)));
    let written = manifest.to_json();
    let again = Manifest::parse(written.as_bytes(), export).expect("what is written can be read");
    assert_eq!(again.to_json(), written);
    // Nothing that is read is lost: fields that are written by default aside, each value is there again.
    assert_eq!(again.caveats().len(), manifest.caveats().len());
    assert_eq!((again.totals, again.period), (manifest.totals, manifest.period));
    assert_eq!(
        (again.proof, again.filters, again.groups),
        (manifest.proof, manifest.filters, manifest.groups)
    );
}
