//! What is remembered of each run, so that a question reads no more of the files than its answer: 13 bytes a run, by its place
//! in time. A segment is up to 32,768 runs that follow each other, as one array a property:
//!
//! | bytes a run | array | |
//! |---|---|---|
//! | 4 | `starts` | milliseconds after the segment's first run; 8 bytes where one is 49 days later or more |
//! | 4 | `hashes` | of the ID |
//! | 2 | `actors` | code in the segment's own dictionary of places in the group's catalog |
//! | 2 | `tasks` | likewise |
//! | 1 | `statuses` | place in `STATUSES` |
//! | 0 | `places` | file and first row; 8 bytes where rows don't follow each other |

use std::ops::Range;

use crate::period::Millis;

/// Most runs of a segment: so few that two bytes say which of its Actors and tasks a run is of.
pub(super) const SEGMENT_RUNS: usize = 32 << 10;

/// A status that the API doesn't document, and can't be asked for.
pub(super) const OTHER_STATUS: u8 = u8::MAX;

/// A run on its way into a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentEntry {
    pub(super) start: Millis,
    /// Which of the group's files it is in, and where.
    pub(super) file: u32,
    pub(super) row: u32,
    pub(super) hash: u32,
    /// Its place among the group's Actors.
    pub(super) actor: u32,
    /// Its place among the group's tasks, from 1; 0 is none.
    pub(super) task: u32,
    /// Its place among the documented ones.
    pub(super) status: u8,
}

#[derive(Debug)]
pub(super) struct Segment {
    starts: SegmentStarts,
    pub(super) hashes: Vec<u32>,
    actors: DictionaryEncoded,
    tasks: DictionaryEncoded,
    statuses: Vec<u8>,
    places: RunPlaces,
}

#[derive(Debug)]
enum SegmentStarts {
    Near { first: Millis, after: Vec<u32> },
    Far(Vec<Millis>),
}

/// Numbers of which few differ: each by its place among those that do.
#[derive(Debug)]
struct DictionaryEncoded {
    values: Vec<u32>,
    codes: Vec<u16>,
}

#[derive(Debug)]
enum RunPlaces {
    From {
        file: u32,
        row: u32,
    },
    /// Anywhere: what another engine wrote needn't be in order.
    Each(Vec<(u32, u32)>),
}

/// What is asked of a group's runs, by places in its catalogs.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListFilter<'q> {
    pub(super) after: Millis,
    pub(super) before: Millis,
    pub(super) actor: Option<u32>,
    pub(super) task: Option<u32>,
    pub(super) statuses: Option<&'q [u8]>,
}

/// The same of a segment, by codes of its dictionaries.
struct SegmentFilter {
    range: Range<usize>,
    actor: Option<u16>,
    task: Option<u16>,
    /// Whether a status is wanted, by its number.
    statuses: Option<[bool; 256]>,
}

impl Segment {
    /// Of runs in order of their start.
    pub(super) fn new(entries: &[SegmentEntry]) -> Segment {
        let first = entries.first().map_or(0, |entry| entry.start);
        let after = |entry: &SegmentEntry| u32::try_from(entry.start.checked_sub(first)?).ok();
        let starts = match entries.iter().map(after).collect() {
            Some(after) => SegmentStarts::Near { first, after },
            None => SegmentStarts::Far(entries.iter().map(|entry| entry.start).collect()),
        };
        let follow = |pair: &[SegmentEntry]| pair[0].file == pair[1].file && pair[1].row == pair[0].row + 1;
        let places = match entries {
            [first, ..] if entries.windows(2).all(follow) => RunPlaces::From {
                file: first.file,
                row: first.row,
            },
            _ => RunPlaces::Each(entries.iter().map(|entry| (entry.file, entry.row)).collect()),
        };
        Segment {
            starts,
            hashes: entries.iter().map(|entry| entry.hash).collect(),
            actors: DictionaryEncoded::new(entries.iter().map(|entry| entry.actor)),
            tasks: DictionaryEncoded::new(entries.iter().map(|entry| entry.task)),
            statuses: entries.iter().map(|entry| entry.status).collect(),
            places,
        }
    }

    pub(super) fn count(&self, wanted: &ListFilter) -> usize {
        let Some(matching) = self.matching(wanted) else {
            return 0;
        };
        if matching.is_all() {
            return matching.range.len();
        }
        // Without a branch for each run where one property decides, since millions are counted.
        let range = matching.range.clone();
        let of_actor = self.actors.are(&range, matching.actor);
        let of_task = self.tasks.are(&range, matching.task);
        match (of_actor, of_task, &matching.statuses) {
            (Some((codes, code)), None, None) | (None, Some((codes, code)), None) => {
                codes.iter().map(|of| usize::from(*of == code)).sum()
            }
            (None, None, Some(statuses)) => {
                let is_wanted = |status: &u8| usize::from(statuses[usize::from(*status)]);
                self.statuses[range].iter().map(is_wanted).sum()
            }
            _ => range.filter(|run| self.is_wanted(*run, &matching)).count(),
        }
    }

    /// Where the runs of a part of those that are wanted are, in order of their start.
    pub(super) fn find(&self, wanted: &ListFilter, part: Range<usize>, found: &mut Vec<(u32, u32)>) {
        let Some(matching) = self.matching(wanted) else { return };
        if matching.is_all() {
            found.extend(part.map(|at| self.place(matching.range.start + at)));
            return;
        }
        let wanted = matching.range.clone().filter(|run| self.is_wanted(*run, &matching));
        found.extend(wanted.skip(part.start).take(part.len()).map(|run| self.place(run)));
    }

    pub(super) fn with_hash(&self, hash: u32, found: &mut Vec<(u32, u32)>) {
        // Nearly every segment has none: one check for the segment instead of a branch for each run.
        if self.hashes.iter().fold(false, |any, of| any | (*of == hash)) {
            let runs = self.hashes.iter().enumerate().filter(|(_, of)| **of == hash);
            found.extend(runs.map(|(run, _)| self.place(run)));
        }
    }

    fn matching(&self, wanted: &ListFilter) -> Option<SegmentFilter> {
        let begin = self.starts.partition_point(|start| start < wanted.after);
        let end = self.starts.partition_point(|start| start <= wanted.before);
        let range = begin..end.max(begin);
        let statuses = wanted.statuses.map(|wanted| {
            let mut statuses = [false; 256];
            wanted.iter().for_each(|status| statuses[usize::from(*status)] = true);
            statuses
        });
        (!range.is_empty()).then_some(())?;
        Some(SegmentFilter {
            range,
            actor: self.actors.code(wanted.actor)?,
            task: self.tasks.code(wanted.task)?,
            statuses,
        })
    }

    fn is_wanted(&self, run: usize, matching: &SegmentFilter) -> bool {
        let has_status = |statuses: &[bool; 256]| statuses[usize::from(self.statuses[run])];
        matching.actor.is_none_or(|code| self.actors.codes[run] == code)
            && matching.task.is_none_or(|code| self.tasks.codes[run] == code)
            && matching.statuses.as_ref().is_none_or(has_status)
    }

    fn place(&self, run: usize) -> (u32, u32) {
        match &self.places {
            RunPlaces::From { file, row } => (*file, row + run as u32),
            RunPlaces::Each(places) => places[run],
        }
    }
}

impl SegmentFilter {
    fn is_all(&self) -> bool {
        self.actor.is_none() && self.task.is_none() && self.statuses.is_none()
    }
}

impl SegmentStarts {
    fn partition_point(&self, is_before: impl Fn(Millis) -> bool) -> usize {
        match self {
            SegmentStarts::Near { first, after } => after.partition_point(|ms| is_before(first + Millis::from(*ms))),
            SegmentStarts::Far(starts) => starts.partition_point(|start| is_before(*start)),
        }
    }
}

impl DictionaryEncoded {
    fn new(values: impl Iterator<Item = u32> + Clone) -> DictionaryEncoded {
        let mut distinct: Vec<u32> = values.clone().collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.shrink_to_fit();
        let code = |value: u32| distinct.binary_search(&value).unwrap_or_default() as u16;
        DictionaryEncoded {
            codes: values.map(code).collect(),
            values: distinct,
        }
    }

    /// The code of a value, if one is given; `None` where no run has it.
    fn code(&self, value: Option<u32>) -> Option<Option<u16>> {
        let Some(value) = value else { return Some(None) };
        self.values.binary_search(&value).ok().map(|code| Some(code as u16))
    }

    fn are(&self, range: &Range<usize>, code: Option<u16>) -> Option<(&[u16], u16)> {
        code.map(|code| (&self.codes[range.clone()], code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = SegmentEntry> {
        let start = prop_oneof![0i64..50, Just(-1), Just(1 << 40)];
        (start, 0u32..3, 0u32..200, 0u32..5, 0u32..3, 0u8..4).prop_map(|(start, file, row, actor, task, status)| {
            SegmentEntry {
                start,
                file,
                row,
                hash: row % 7,
                actor,
                task,
                status,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_what_a_look_at_every_run_finds(
            mut entries in prop::collection::vec(entry(), 1..60), after in -2i64..60, span in 0i64..60,
            actor in prop::option::of(0u32..6), task in prop::option::of(0u32..4),
            statuses in prop::option::of(prop::collection::vec(0u8..5, 0..3)), from in 0usize..20, many in 0usize..20,
        ) {
            entries.sort();
            let segment = Segment::new(&entries);
            let statuses = statuses.as_deref();
            let wanted = ListFilter { after, before: after + span, actor, task, statuses };
            let by_hand: Vec<(u32, u32)> = entries.iter().filter(|entry| {
                (after..=after + span).contains(&entry.start)
                    && actor.is_none_or(|actor| entry.actor == actor)
                    && task.is_none_or(|task| entry.task == task)
                    && statuses.is_none_or(|statuses| statuses.contains(&entry.status))
            }).map(|entry| (entry.file, entry.row)).collect();
            prop_assert_eq!(segment.count(&wanted), by_hand.len());
            let part = from.min(by_hand.len())..(from + many).min(by_hand.len());
            let mut found = Vec::new();
            segment.find(&wanted, part.clone(), &mut found);
            prop_assert_eq!(&found, &by_hand[part]);
            let mut hashed = Vec::new();
            segment.with_hash(3, &mut hashed);
            let by_hand: Vec<(u32, u32)> =
                entries.iter().filter(|entry| entry.hash == 3).map(|entry| (entry.file, entry.row)).collect();
            prop_assert_eq!(hashed, by_hand);
        }
    }
}
