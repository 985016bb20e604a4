//! A new export held against the one that is there: whether it may take its place, and what moved between the two. Changes
//! neither; `finish` publishes.

use std::path::PathBuf;

use crate::archive::existing::ExistingExport;
use crate::error::Result;
use crate::output::manifest::Manifest;
use crate::report::changes::Changes;

/// Notes in the manifest what moved, and gives a caveat of the new export; an error if it may not take the place. With
/// --replace it may in any case, also where the old one can't be compared.
pub fn replaces(
    existing: &ExistingExport,
    new: &[PathBuf],
    manifest: &mut Manifest,
    replace: bool,
) -> Result<Option<String>> {
    let mut changes = Some(Changes::default());
    let compared = existing.check_same_scope(manifest).and_then(|()| {
        existing.missing_in(new, |pair| {
            // Sums that don't fit are no reason to keep the old one: they stay unsaid.
            if let Some(found) = &mut changes
                && found.see(pair).is_err()
            {
                changes = None;
            }
        })
    });
    if let (Ok(_), Some(replaced), Some(changes)) = (&compared, &mut manifest.replaced, &changes) {
        replaced.changes = Some(changes.total().into());
    }
    if replace {
        return Ok(None);
    }
    existing.check_nothing_lost(&compared?)
}
