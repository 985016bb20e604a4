//! A new export held against the one that is there: whether it may take its place, and what moved between the two. Changes
//! neither; `finish` publishes.

use std::path::PathBuf;

use crate::archive::existing::ExistingExport;
use crate::error::Result;
use crate::output::manifest::Manifest;
use crate::report::caveat::Caveat;
use crate::report::diff::Changes;

/// Notes in the manifest what moved, and gives a caveat of the new export; an error if it may not take the place. With
/// --replace it may in any case, also where the old one can't be compared.
pub fn compare_to_existing(
    existing: &ExistingExport,
    new: &[PathBuf],
    manifest: &mut Manifest,
    replace: bool,
) -> Result<Option<Caveat>> {
    let mut replaced = existing.replaced();
    let mut changes = Some(Changes::default());
    let compared = existing.check_same_scope(manifest).and_then(|()| {
        existing.missing_in(new, |pair| {
            // Sums that don't fit are no reason to keep the old one: they stay unsaid.
            if let Some(found) = &mut changes
                && found.add(pair).is_err()
            {
                changes = None;
            }
        })
    });
    if let (Ok(_), Some(changes)) = (&compared, &changes) {
        replaced.changes = Some(changes.total().into());
    }
    manifest.replaced = Some(replaced);
    if replace {
        return Ok(None);
    }
    let caveat = existing.check_nothing_lost(&compared?)?;
    existing.check_usage_kept(manifest)?;
    Ok(caveat)
}
