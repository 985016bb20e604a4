//! From a run's ID to its place: four bytes for each slot of a table that is made when first needed.

use std::hash::BuildHasher;

const EMPTY: u32 = u32::MAX;

/// Places of runs by the hash of their IDs, which differ; open addressing.
#[derive(Debug)]
pub(super) struct IdIndex {
    slots: Vec<u32>,
}

impl IdIndex {
    pub(super) fn new<'a>(count: usize, id: impl Fn(usize) -> &'a [u8]) -> IdIndex {
        let mut slots = vec![EMPTY; count + count / 2 + 1];
        for run in 0..count {
            let mut slot = slot(id(run), slots.len());
            while slots[slot] != EMPTY {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = run as u32;
        }
        IdIndex { slots }
    }

    pub(super) fn find<'a>(&self, wanted: &[u8], id: impl Fn(usize) -> &'a [u8]) -> Option<usize> {
        let mut slot = slot(wanted, self.slots.len());
        while self.slots[slot] != EMPTY {
            let run = self.slots[slot] as usize;
            if id(run) == wanted {
                return Some(run);
            }
            slot = (slot + 1) % self.slots.len();
        }
        None
    }
}

fn slot(id: &[u8], slots: usize) -> usize {
    let hash = foldhash::fast::FixedState::default().hash_one(id);
    ((u128::from(hash) * slots as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_leads_to_its_run_and_others_nowhere() {
        let ids: Vec<String> = (0..5000).map(|at| format!("run {at}")).collect();
        let id = |at: usize| ids[at].as_bytes();
        let index = IdIndex::new(ids.len(), id);
        for (at, wanted) in ids.iter().enumerate() {
            assert_eq!(index.find(wanted.as_bytes(), id), Some(at));
        }
        assert_eq!(index.find(b"run 5000", id), None);
        assert_eq!(IdIndex::new(0, id).find(b"", id), None);
    }
}
