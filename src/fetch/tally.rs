//! What a walk has received, put in order: distinct runs, one version of each, and how many items that took. Pure.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;

use crate::api::item::RejectedItem;
use crate::api::page::Page;
use crate::period::Millis;
use crate::runs::merge::Rank;
use crate::runs::schema::col;

/// Page and row.
pub type RowAt = (u32, u32);

/// What a walk has received, in order of `(started_at, id)`.
#[derive(Debug)]
pub struct Tally {
    /// One row for each distinct (ID, start), the best of its versions.
    pub rows: Vec<(Millis, RowAt)>,
    /// The starts of what one answer lists more than once, which need not be the first one that has it, as often as beyond once. What
    /// the walk itself asked for twice isn't here.
    repeated: Vec<Millis>,
    pub rejected: Vec<RejectedItem>,
}

impl Tally {
    /// Counts what was received of runs that started in `[from, until]`.
    pub fn new(pages: &[Page], from: Millis, until: Millis) -> Tally {
        let mut all: Vec<(Millis, RowAt)> = Vec::with_capacity(pages.iter().map(|page| page.runs.num_rows()).sum());
        for (at, page) in pages.iter().enumerate() {
            let starts = page.started_at_ms().iter().enumerate();
            let starts = starts.filter(|(_, start)| (from..=until).contains(*start));
            all.extend(starts.map(|(row, start)| (*start, (at as u32, row as u32))));
        }
        let id = |at: RowAt| id_of(&pages[at.0 as usize].runs, at.1);
        let order = |a: &(Millis, RowAt), b: &(Millis, RowAt)| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1)));
        // In each group by page still: the order is stable.
        all.sort_by(order);
        let mut rows = Vec::with_capacity(all.len());
        let mut repeated = Vec::new();
        for versions in all.chunk_by(|a, b| order(a, b) == Ordering::Equal) {
            let of_page = versions.chunk_by(|a, b| a.1.0 == b.1.0).map(<[_]>::len);
            let times = of_page.max().unwrap_or(1);
            repeated.extend(std::iter::repeat_n(versions[0].0, times - 1));
            rows.push(if versions.len() == 1 {
                versions[0]
            } else {
                best(pages, versions)
            });
        }
        let mut seen = BTreeSet::new();
        let rejected = pages.iter().flat_map(|page| &page.rejected);
        let rejected = rejected.filter(|rejected| seen.insert(&rejected.item));
        let rejected: Vec<_> = rejected.cloned().collect();
        Tally {
            rows,
            repeated,
            rejected,
        }
    }

    /// Distinct runs received, rejected ones too.
    pub fn distinct(&self) -> u64 {
        (self.rows.len() + self.rejected.len()) as u64
    }

    /// Items received, those that are listed more than once as often.
    pub fn received(&self) -> u64 {
        self.distinct() + self.repeated.len() as u64
    }

    pub fn received_before(&self, before: Millis) -> u64 {
        self.distinct_before(before) + self.repeated.partition_point(|start| *start < before) as u64
    }

    pub fn distinct_before(&self, before: Millis) -> u64 {
        let is_before = |rejected: &&RejectedItem| rejected.started_at_ms.is_some_and(|at| at < before);
        let rejected = self.rejected.iter().filter(is_before).count();
        (self.rows.partition_point(|row| row.0 < before) + rejected) as u64
    }

    /// The same after an instant; what has no start isn't.
    pub fn distinct_after(&self, after: Millis) -> u64 {
        let is_after = |rejected: &&RejectedItem| rejected.started_at_ms.is_some_and(|at| at > after);
        let rejected = self.rejected.iter().filter(is_after).count();
        (self.rows.len() - self.rows.partition_point(|row| row.0 <= after) + rejected) as u64
    }

    /// The rows that started in `[from, to)`, one an ID.
    pub fn rows_in(&self, pages: &[Page], from: Millis, to: Millis) -> Vec<RowAt> {
        let rows =
            &self.rows[self.rows.partition_point(|row| row.0 < from)..self.rows.partition_point(|row| row.0 < to)];
        let id = |at: RowAt| id_of(&pages[at.0 as usize].runs, at.1);
        let every = rows.iter().map(|row| row.1);
        if are_distinct(every.clone().map(id)) {
            return every.collect();
        }
        let mut kept: HashMap<&str, (Millis, RowAt)> = HashMap::with_capacity(rows.len());
        for row in rows {
            kept.entry(id(row.1))
                .and_modify(|earlier| *earlier = best(pages, &[*earlier, *row]))
                .or_insert(*row);
        }
        let kept: BTreeSet<RowAt> = kept.into_values().map(|row| row.1).collect();
        every.filter(|at| kept.contains(at)).collect()
    }
}

/// Whether all IDs are distinct, by their hashes: of two that have the same hash by chance, it is denied.
fn are_distinct<'p>(ids: impl Iterator<Item = &'p str>) -> bool {
    let state = foldhash::fast::RandomState::default();
    let mut hashes: Vec<u64> = ids.map(|id| state.hash_one(id)).collect();
    hashes.sort_unstable();
    hashes.windows(2).all(|pair| pair[0] != pair[1])
}

/// The best version by the merge rule; of equal ones the last received.
fn best(pages: &[Page], versions: &[(Millis, RowAt)]) -> (Millis, RowAt) {
    let rank = |at: RowAt| Rank::new(&pages[at.0 as usize].runs, at.1 as usize);
    let best = versions.iter().max_by_key(|version| (rank(version.1), version.1));
    *best.expect("a group has a member")
}

fn id_of(runs: &RecordBatch, row: u32) -> &str {
    runs.column(col::ID).as_string::<i32>().value(row as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page::decode;

    /// A page of `(id, milliseconds, status)`.
    fn page(runs: &[(&str, i64, &str)]) -> Page {
        let items: Vec<String> = runs
            .iter()
            .map(|(id, ms, status)| {
                format!(r#"{{"id":"{id}","actId":"a","status":"{status}","startedAt":"1970-01-01T00:00:00.{ms:03}Z"}}"#)
            })
            .collect();
        let body = format!(r#"{{"data":{{"total":9,"items":[{}]}}}}"#, items.join(","));
        decode(body.as_bytes()).unwrap()
    }

    fn ids(pages: &[Page], rows: &[RowAt]) -> Vec<String> {
        rows.iter()
            .map(|at| id_of(&pages[at.0 as usize].runs, at.1).to_string())
            .collect()
    }

    #[test]
    fn rows_are_ordered_by_start_then_id_and_cut() {
        let pages = [page(&[("z", 1, "S"), ("b", 2, "S"), ("a", 2, "S"), ("c", 3, "S")])];
        let tally = Tally::new(&pages, i64::MIN, i64::MAX);
        assert_eq!(ids(&pages, &tally.rows_in(&pages, 2, 3)), ["a", "b"]);
        assert_eq!(
            (tally.distinct(), tally.received(), tally.distinct_before(2)),
            (4, 4, 1)
        );
    }

    #[test]
    fn what_the_walk_asked_for_twice_is_not_counted_twice_but_what_the_server_lists_twice_is() {
        let pages = [
            page(&[("a", 1, "S"), ("b", 2, "S"), ("b", 2, "S")]),
            page(&[("b", 2, "S"), ("c", 3, "S"), ("c", 3, "S")]),
        ];
        let tally = Tally::new(&pages, i64::MIN, i64::MAX);
        assert_eq!((tally.distinct(), tally.received()), (3, 5));
    }

    /// Once, the window of such a run did not add up, and the job ended with exit 5.
    #[test]
    fn what_the_server_lists_twice_at_the_end_of_a_page_is_counted_twice() {
        let pages = [
            page(&[("a", 1, "S"), ("b", 2, "S")]),
            page(&[("b", 2, "S"), ("b", 2, "S"), ("c", 3, "S")]),
        ];
        let tally = Tally::new(&pages, i64::MIN, i64::MAX);
        assert_eq!((tally.distinct(), tally.received()), (3, 4));
    }

    #[test]
    fn of_versions_the_ended_one_is_kept_even_across_starts() {
        let pages = [
            page(&[("a", 1, "SUCCEEDED"), ("b", 2, "S")]),
            page(&[("b", 2, "FAILED"), ("a", 3, "S")]),
        ];
        let tally = Tally::new(&pages, i64::MIN, i64::MAX);
        assert_eq!(tally.distinct(), 3);
        let rows = tally.rows_in(&pages, 0, 9);
        assert_eq!(rows, [(0, 0), (1, 0)]);
    }
}
