//! Keeps IDs unique over a whole export in fixed memory: a filter that is sometimes wrong names suspects while runs stream
//! by, and those few are checked exactly against what was written. Within a window, `fetch` has done so already; this finds
//! a run that two windows hold.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;

use arrow_array::RecordBatch;
use foldhash::fast::{FixedState, RandomState};

use super::merge::Rank;
use super::run_columns::RunColumns;
use crate::text::thousands;

/// The filter's largest size: at five million IDs, some hundreds of suspects; at twenty million, one ID in thirty.
const MAX_BLOCKS: usize = 1 << 18;
/// Its smallest one.
const MIN_BLOCKS: usize = 1 << 8;
/// Where fewer IDs are expected, so many for a block: as many suspects as five million have in the largest.
const IDS_A_BLOCK: u64 = 16;
/// How many repeated runs a message names.
const NAMED: usize = 3;
const WORDS_A_BLOCK: usize = 8;
const BITS_AN_ID: u32 = 6;
/// IDs whose blocks are fetched together.
const AT_ONCE: usize = 32;

/// The IDs seen so far, about (a blocked Bloom filter).
#[derive(Debug)]
pub struct SeenIds {
    blocks: Vec<[u64; WORDS_A_BLOCK]>,
    suspects: HashSet<u64, RandomState>,
}

impl Default for SeenIds {
    fn default() -> SeenIds {
        SeenIds::with_capacity(u64::MAX)
    }
}

impl SeenIds {
    /// For about so many IDs; more only make more suspects.
    pub fn with_capacity(ids: u64) -> SeenIds {
        let blocks = usize::try_from(ids / IDS_A_BLOCK).unwrap_or(MAX_BLOCKS);
        let blocks = blocks.clamp(MIN_BLOCKS, MAX_BLOCKS).next_power_of_two();
        SeenIds {
            blocks: vec![[0; WORDS_A_BLOCK]; blocks],
            suspects: HashSet::default(),
        }
    }

    pub fn add(&mut self, id: &str) {
        self.add_hash(hash(id));
    }

    /// Where the block of a hash is.
    fn place(&self, hash: u64) -> usize {
        (hash >> (64 - self.blocks.len().trailing_zeros())) as usize
    }

    fn add_hash(&mut self, hash: u64) {
        let place = self.place(hash);
        let block = &mut self.blocks[place];
        let mut seen = true;
        for place in 0..BITS_AN_ID {
            let bit = (hash >> (7 * place)) as usize % (64 * WORDS_A_BLOCK);
            let mask = 1u64 << (bit % 64);
            seen &= block[bit / 64] & mask != 0;
            block[bit / 64] |= mask;
        }
        if seen {
            self.suspects.insert(hash);
        }
    }

    /// Adds the IDs of a batch: the filter is larger than a processor's cache, so that the blocks of some IDs are fetched side by
    /// side before any of them is looked at.
    pub fn add_rows(&mut self, rows: &RecordBatch) {
        let mut hashes = ids(rows).map(hash);
        let mut next = [0; AT_ONCE];
        loop {
            let mut count = 0;
            for (place, hash) in next.iter_mut().zip(&mut hashes) {
                *place = hash;
                count += 1;
            }
            if count == 0 {
                return;
            }
            let next = &next[..count];
            let fetched = next
                .iter()
                .fold(0, |bits, hash| bits ^ self.blocks[self.place(*hash)][0]);
            std::hint::black_box(fetched);
            next.iter().for_each(|hash| self.add_hash(*hash));
        }
    }

    /// The IDs that may have been added more than once.
    pub fn suspects(self) -> Suspects {
        Suspects {
            hashes: self.suspects,
            versions: HashMap::default(),
        }
    }
}

/// IDs that may occur more than once, and the rows that they turn out to have.
#[derive(Debug)]
pub struct Suspects {
    hashes: HashSet<u64, RandomState>,
    versions: HashMap<String, Vec<(Rank, i64)>, RandomState>,
}

impl Suspects {
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn may_include(&self, id: &str) -> bool {
        self.hashes.contains(&hash(id))
    }

    /// Counts an ID, if it is among them.
    pub fn count(&self, id: &str, times: &mut BTreeMap<String, u64>) {
        if self.may_include(id) {
            *times.entry(id.to_string()).or_default() += 1;
        }
    }

    /// The same for the IDs of a batch.
    pub fn count_rows(&self, rows: &RecordBatch, times: &mut BTreeMap<String, u64>) {
        ids(rows).for_each(|id| self.count(id, times));
    }

    /// Leaves only those that were counted more than once.
    pub fn narrow(&mut self, times: &BTreeMap<String, u64>) {
        let repeated = times.iter().filter(|(_, times)| **times > 1);
        self.hashes = repeated.map(|(id, _)| hash(id)).collect();
    }

    /// Looks for the suspects in rows that were written.
    pub fn check(&mut self, runs: &RecordBatch) {
        let started = RunColumns(runs).instants("started_at").expect("every export has it");
        for (row, id) in ids(runs).enumerate() {
            if self.may_include(id) {
                let versions = self.versions.entry(id.to_string()).or_default();
                versions.push((Rank::new(runs, row), started.value(row)));
            }
        }
    }

    /// The rows to leave out, by ID and start, so that each ID keeps its best.
    pub fn losers(self) -> HashSet<(String, i64), RandomState> {
        let mut losers = HashSet::default();
        for (id, mut versions) in self.versions.into_iter().filter(|(_, versions)| versions.len() > 1) {
            versions.sort();
            versions.pop();
            losers.extend(versions.into_iter().map(|(_, started)| (id.clone(), started)));
        }
        losers
    }
}

/// The sentence about runs that were counted more than once: three of them, and how many more.
pub fn repeated(times: &BTreeMap<String, u64>) -> Option<String> {
    let ids: Vec<&str> = times
        .iter()
        .filter(|(_, times)| **times > 1)
        .map(|(id, _)| id.as_str())
        .collect();
    match ids.as_slice() {
        [] => None,
        [id] => Some(format!("run {id} is there more than once")),
        ids if ids.len() <= NAMED => Some(format!("runs {} are there more than once", ids.join(", "))),
        ids => Some(format!(
            "runs {} and {} more are there more than once",
            ids[..NAMED].join(", "),
            thousands((ids.len() - NAMED) as u64)
        )),
    }
}

fn ids(rows: &RecordBatch) -> impl Iterator<Item = &str> {
    let ids = RunColumns(rows).text("id").expect("every export has it");
    ids.iter().flatten()
}

fn hash(id: &str) -> u64 {
    FixedState::with_seed(0x6170_6966_7952_756e).hash_one(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page::decode;

    fn runs(list: &[(&str, i64, &str)]) -> RecordBatch {
        let items: Vec<String> = list
            .iter()
            .map(|(id, ms, status)| {
                format!(r#"{{"id":"{id}","actId":"a","status":"{status}","startedAt":"1970-01-01T00:00:00.{ms:03}Z"}}"#)
            })
            .collect();
        decode(format!(r#"{{"data":{{"total":1,"items":[{}]}}}}"#, items.join(",")).as_bytes())
            .unwrap()
            .runs
    }

    #[test]
    fn a_hundred_thousand_ids_raise_hardly_a_suspect_and_every_repetition_is_one() {
        let mut seen = SeenIds::default();
        (0..100_000).for_each(|at| seen.add(&format!("run{at:014}")));
        assert!(seen.suspects.len() < 10, "{}", seen.suspects.len());
        let before = seen.suspects.len();
        (0..1000).for_each(|at| seen.add(&format!("run{:014}", at * 100)));
        assert!(seen.suspects.len() >= before + 990);
    }

    #[test]
    fn of_runs_that_are_repeated_three_are_named() {
        let said = |times: &[(&str, u64)]| {
            let times = times.iter().map(|(id, times)| (id.to_string(), *times));
            repeated(&times.collect())
        };
        assert_eq!(said(&[("a", 1), ("b", 1)]), None);
        assert_eq!(said(&[("a", 1), ("b", 2)]).unwrap(), "run b is there more than once");
        let five = [("a", 2), ("b", 3), ("c", 2), ("d", 2), ("e", 2), ("f", 1)];
        assert_eq!(said(&five[..3]).unwrap(), "runs a, b, c are there more than once");
        assert_eq!(said(&five).unwrap(), "runs a, b, c and 2 more are there more than once");
    }

    #[test]
    fn of_a_run_in_two_windows_the_better_version_stays() {
        let (first, second) = (
            runs(&[("x", 1, "RUNNING"), ("y", 2, "S")]),
            runs(&[("x", 500, "SUCCEEDED"), ("z", 600, "S")]),
        );
        let mut seen = SeenIds::default();
        seen.add_rows(&first);
        seen.add_rows(&second);
        let mut suspects = seen.suspects();
        assert!(!suspects.is_empty());
        suspects.check(&first);
        suspects.check(&second);
        assert_eq!(
            suspects.losers().into_iter().collect::<Vec<_>>(),
            [("x".to_string(), 1)]
        );
    }
}
