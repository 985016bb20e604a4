//! Which runs two archives share: a merge join in the order of start and ID. A run whose start has moved stands at another
//! place in each; it is found by its ID. What is done with the pairs is the caller's.
//!
//! Two passes keep memory small: the first collects hashes of the runs that are missing at their place (eight bytes each),
//! the second holds back only those runs that the other archive has elsewhere. Input out of order costs memory alone.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::iter::Peekable;

use foldhash::fast::{FixedState, RandomState};

use super::run::{Key, Run, RunRecord, RunStream};
use crate::error::ReadError;

/// A run in one archive or in both; of both, the old version is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair<T = Run> {
    Both(T, T),
    Old(T),
    New(T),
}

/// Pairs records of equal keys.
struct Merge<'r, T> {
    old: Peekable<RunStream<'r, T>>,
    new: Peekable<RunStream<'r, T>>,
}

impl<'r, T: RunRecord> Merge<'r, T> {
    fn new(old: RunStream<'r, T>, new: RunStream<'r, T>) -> Merge<'r, T> {
        Merge {
            old: old.peekable(),
            new: new.peekable(),
        }
    }
}

impl<T: RunRecord> Iterator for Merge<'_, T> {
    type Item = Result<Pair<T>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.old.peek(), self.new.peek()) {
            (None, None) => return None,
            (Some(Ok(old)), Some(Ok(new))) => old.sort_key().cmp(&new.sort_key()),
            (Some(Err(_)), _) | (_, None) => Ordering::Less,
            (_, Some(_)) => Ordering::Greater,
        };
        match order {
            Ordering::Less => Some(self.old.next()?.map(Pair::Old)),
            Ordering::Greater => Some(self.new.next()?.map(Pair::New)),
            Ordering::Equal => match (self.old.next()?, self.new.next()?) {
                (Ok(old), Ok(new)) => Some(Ok(Pair::Both(old, new))),
                (Err(error), _) | (_, Err(error)) => Some(Err(error)),
            },
        }
    }
}

/// The runs that both archives have at different places. Hashes: a run that is found in here may still be another one.
#[derive(Debug, Default)]
pub struct MovedIds(HashSet<u64, RandomState>);

impl MovedIds {
    /// Reads both, and the new one `again` only if the old one has runs that are missing at their place.
    pub fn find<'r>(
        old: RunStream<'r, Key>,
        new: RunStream<'r, Key>,
        again: impl FnOnce() -> RunStream<'r, Key>,
    ) -> Result<MovedIds, ReadError> {
        let mut missing = MovedIds::default();
        for pair in Merge::new(old, new) {
            if let Pair::Old(key) = pair? {
                missing.0.insert(hash(&key.id));
            }
        }
        let mut moved = MovedIds::default();
        if !missing.0.is_empty() {
            for key in again() {
                let hash = hash(&key?.id);
                if missing.0.contains(&hash) {
                    moved.0.insert(hash);
                }
            }
        }
        Ok(moved)
    }

    fn may_hold(&self, run: &Run) -> bool {
        !self.0.is_empty() && self.0.contains(&hash(&run.id))
    }
}

fn hash(id: &str) -> u64 {
    FixedState::default().hash_one(id)
}

/// Every run of two archives once, in order but for those whose start has moved: they come as soon as both are read.
pub struct Pairs<'r> {
    merge: Merge<'r, Run>,
    moved: &'r MovedIds,
    old: BTreeMap<String, Run>,
    new: BTreeMap<String, Run>,
}

impl<'r> Pairs<'r> {
    /// Of two streams, and what [`MovedIds::find`] found in them.
    pub fn new(old: RunStream<'r, Run>, new: RunStream<'r, Run>, moved: &'r MovedIds) -> Pairs<'r> {
        Pairs {
            merge: Merge::new(old, new),
            moved,
            old: BTreeMap::new(),
            new: BTreeMap::new(),
        }
    }

    /// Those whose partner never came: suspected for a hash that another ID has too.
    fn left_over(&mut self) -> Option<Pair> {
        let old = self.old.pop_first().map(|(_, run)| Pair::Old(run));
        old.or_else(|| self.new.pop_first().map(|(_, run)| Pair::New(run)))
    }
}

impl Iterator for Pairs<'_> {
    type Item = Result<Pair, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // One that waits already under the same ID, in a file that holds it twice, must not get lost.
            let twice = match self.merge.next() {
                None => return self.left_over().map(Ok),
                Some(Ok(Pair::Old(run))) if self.moved.may_hold(&run) => match self.new.remove(&run.id) {
                    Some(new) => return Some(Ok(Pair::Both(run, new))),
                    None => self.old.insert(run.id.clone(), run).map(Pair::Old),
                },
                Some(Ok(Pair::New(run))) if self.moved.may_hold(&run) => match self.old.remove(&run.id) {
                    Some(old) => return Some(Ok(Pair::Both(old, run))),
                    None => self.new.insert(run.id.clone(), run).map(Pair::New),
                },
                other => return other,
            };
            if let Some(pair) = twice {
                return Some(Ok(pair));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::money::Usd;

    fn run(started_at_ms: i64, id: &str) -> Run {
        Run {
            id: id.into(),
            act_id: "a".into(),
            act_name: None,
            status: "SUCCEEDED".into(),
            started_at_ms,
            finished_at_ms: None,
            usage: Some(Usd(5)),
            cost_state: "settled".into(),
        }
    }

    fn stream<T: Clone>(items: &[T]) -> RunStream<'_, T> {
        Box::new(items.iter().cloned().map(Ok))
    }

    fn pairs(old: &[Run], new: &[Run]) -> Vec<Pair> {
        let keys = |runs: &[Run]| -> Vec<Key> {
            let key = |run: &Run| Key {
                started_at_ms: run.started_at_ms,
                id: run.id.clone(),
            };
            runs.iter().map(key).collect()
        };
        let (old_keys, new_keys) = (keys(old), keys(new));
        let moved = MovedIds::find(stream(&old_keys), stream(&new_keys), || stream(&new_keys)).unwrap();
        Pairs::new(stream(old), stream(new), &moved)
            .collect::<Result<_, _>>()
            .unwrap()
    }

    fn shown(pairs: &[Pair]) -> Vec<String> {
        let shown = |pair: &Pair| match pair {
            Pair::Both(old, new) => format!("{} {}→{}", old.id, old.started_at_ms, new.started_at_ms),
            Pair::Old(run) => format!("-{} {}", run.id, run.started_at_ms),
            Pair::New(run) => format!("+{} {}", run.id, run.started_at_ms),
        };
        pairs.iter().map(shown).collect()
    }

    #[test]
    fn what_is_in_one_alone_and_what_has_moved_is_told_apart() {
        let old = [run(1, "a"), run(1, "b"), run(2, "c"), run(9, "d")];
        let new = [run(1, "b"), run(1, "x"), run(3, "c"), run(4, "y")];
        assert_eq!(
            shown(&pairs(&old, &new)),
            ["-a 1", "b 1→1", "+x 1", "c 2→3", "+y 4", "-d 9"]
        );
        assert_eq!(shown(&pairs(&old[..1], &old[..1])), ["a 1→1"]);
        assert_eq!(shown(&pairs(&[], &new[..1])), ["+b 1"]);
        assert_eq!(shown(&pairs(&old[..1], &[])), ["-a 1"]);
        assert_eq!(shown(&pairs(&[], &[])), [""; 0]);
    }

    #[test]
    fn runs_that_have_moved_past_each_other_find_their_partners() {
        let old = [run(1, "a"), run(2, "b"), run(3, "c")];
        let new = [run(0, "c"), run(2, "b"), run(7, "a")];
        assert_eq!(shown(&pairs(&old, &new)), ["b 2→2", "c 3→0", "a 1→7"]);
    }

    #[test]
    fn a_reading_that_fails_ends_in_its_error() {
        let broken =
            || -> RunStream<'static, Run> { Box::new([Ok(run(1, "a")), Err(ReadError::new("torn"))].into_iter()) };
        let moved = MovedIds::default();
        let found: Result<Vec<Pair>, _> = Pairs::new(broken(), stream(&[run(1, "a")]), &moved).collect();
        assert_eq!(found, Err(ReadError::new("torn")));
        let found: Result<Vec<Pair>, _> = Pairs::new(stream(&[run(1, "a"), run(2, "b")]), broken(), &moved).collect();
        assert_eq!(found, Err(ReadError::new("torn")));
    }

    proptest! {
        /// Whatever the order, every run comes once, with the one of the same ID.
        #[test]
        fn as_two_maps_by_id_would_pair_them(
            old in prop::collection::btree_map("[a-f]", 0..5_i64, 0..6),
            new in prop::collection::btree_map("[a-f]", 0..5_i64, 0..6),
            sorted: bool,
        ) {
            let list = |map: &BTreeMap<String, i64>| {
                let mut runs: Vec<Run> = map.iter().map(|(id, at)| run(*at, id)).collect();
                if sorted {
                    runs.sort_by_key(|run| (run.started_at_ms, run.id.clone()));
                }
                runs
            };
            let mut expected: Vec<(String, Option<i64>, Option<i64>)> = Vec::new();
            let by_id: HashMap<&String, &i64> = new.iter().collect();
            for (id, at) in &old {
                expected.push((id.clone(), Some(*at), by_id.get(id).map(|at| **at)));
            }
            for (id, at) in new.iter().filter(|(id, _)| !old.contains_key(*id)) {
                expected.push((id.clone(), None, Some(*at)));
            }
            let mut found: Vec<_> = pairs(&list(&old), &list(&new)).into_iter().map(|pair| match pair {
                Pair::Both(old, new) => (old.id, Some(old.started_at_ms), Some(new.started_at_ms)),
                Pair::Old(run) => (run.id, Some(run.started_at_ms), None),
                Pair::New(run) => (run.id, None, Some(run.started_at_ms)),
            }).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
