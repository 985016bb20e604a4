//! Whether an archive holds a run twice, by the hashes of IDs that are in memory anyway: of the few that are there twice, IDs
//! are read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use foldhash::fast::RandomState;

use super::group::{FileGroup, hash_of};
use crate::error::{Error, Result};
use crate::runs::dedup::repeated;

/// Exit 5 where some run is there more than once.
pub(super) fn check(groups: &[Arc<FileGroup>]) -> Result<()> {
    let suspects = suspects(groups);
    if suspects.is_empty() {
        return Ok(());
    }
    let mut times: BTreeMap<String, u64> = BTreeMap::new();
    for file in groups.iter().flat_map(|group| &group.files) {
        file.scan(&["id"], &mut |batch| {
            let ids = batch.column_by_name("id").map(|ids| ids.as_string::<i32>());
            let ids = ids.into_iter().flatten().flatten();
            for id in ids.filter(|id| suspects.contains(&hash_of(id))) {
                *times.entry(id.into()).or_default() += 1;
            }
            Ok(())
        })?;
    }
    repeated(&times).map_or(Ok(()), |runs| {
        Err(Error::Untrusted(format!("{runs}: see apify-runs verify")))
    })
}

fn suspects(groups: &[Arc<FileGroup>]) -> HashSet<u32, RandomState> {
    let segments = groups.iter().flat_map(|group| &group.segments);
    let mut hashes: Vec<u32> = segments.flat_map(|segment| &segment.hashes).copied().collect();
    hashes.sort_unstable();
    let twice = hashes.windows(2).filter(|pair| pair[0] == pair[1]);
    twice.map(|pair| pair[0]).collect()
}
