//! The made-up runs as ready JSON in one arena, in order of their start, so that a page is mostly copied.

use std::ops::Range;
use std::sync::OnceLock;

use super::index::IdIndex;
use super::runs::RunTags;
use crate::period::Millis;
use crate::runs::cost_state::STATUSES;
use crate::serve::envelope::{ApiAnswer, PageHead, ready_page};
use crate::serve::query::RunsQuery;

/// Where a run's ID stands in its JSON: after `{"id":"`.
const ID: Range<usize> = 7..24;

#[derive(Debug)]
pub(super) struct RunList {
    starts: Vec<Millis>,
    statuses: Vec<u8>,
    /// The Actor of each run, by its place in the directory, and which of its tasks started it.
    whose: Vec<(u32, Option<u16>)>,
    /// Where each run's JSON begins in `json`, and the end of the last; a comma follows each.
    offsets: Vec<usize>,
    pub(super) json: Vec<u8>,
    /// Made by the first question for a run.
    index: OnceLock<IdIndex>,
}

impl RunList {
    /// Of runs that start at these instants, in order; each is to be pushed.
    pub(super) fn new(starts: Vec<Millis>) -> RunList {
        let mut offsets = Vec::with_capacity(starts.len() + 1);
        offsets.push(0);
        RunList {
            statuses: Vec::with_capacity(starts.len()),
            whose: Vec::with_capacity(starts.len()),
            offsets,
            json: Vec::with_capacity(starts.len() * 620),
            index: OnceLock::new(),
            starts,
        }
    }

    /// Appends the next run, which `json` holds already.
    pub(super) fn push(&mut self, actor: usize, tags: &RunTags) {
        self.json.push(b',');
        self.offsets.push(self.json.len());
        self.statuses.push(tags.status);
        self.whose.push((actor as u32, tags.task.map(|task| task as u16)));
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn start(&self, run: usize) -> Millis {
        self.starts[run]
    }

    /// A run's JSON and its comma.
    pub(super) fn run(&self, run: usize) -> &[u8] {
        &self.json[self.offsets[run]..self.offsets[run + 1]]
    }

    /// The runs that started in a span of time, both ends included, by their places.
    pub(super) fn started_in(&self, first: Millis, last: Millis) -> Range<usize> {
        let begin = self.starts.partition_point(|start| *start < first);
        let end = self.starts.partition_point(|start| *start <= last).max(begin);
        begin..end
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        let id_of = |run: usize| &self.run(run)[ID];
        let index = self.index.get_or_init(|| IdIndex::new(self.starts.len(), id_of));
        index.find(id.as_bytes(), id_of)
    }

    pub(super) fn active_runs(&self) -> usize {
        let active = ["READY", "RUNNING", "TIMING-OUT", "ABORTING"];
        let is_active = |status: &&u8| active.contains(&STATUSES[**status as usize]);
        self.statuses.iter().filter(is_active).count()
    }

    /// A page of all runs, or of an Actor's, or of one of its tasks'.
    pub(super) fn page(&self, query: &RunsQuery, whose: Option<(usize, Option<usize>)>) -> ApiAnswer {
        let span = self.started_in(query.after, query.before);
        let is_wanted = |run: &usize| {
            let of_status = |wanted: &Vec<u8>| wanted.contains(&self.statuses[*run]);
            let of_whom = |(actor, task): (usize, Option<usize>)| {
                let (runs_actor, runs_task) = self.whose[*run];
                runs_actor as usize == actor && (task.is_none() || runs_task.map(usize::from) == task)
            };
            query.statuses.as_ref().is_none_or(of_status) && whose.is_none_or(of_whom)
        };
        let (total, mut items): (usize, Vec<usize>) = if query.statuses.is_none() && whose.is_none() {
            let part = query.paging.part_of(span.len());
            (span.len(), span.skip(part.start).take(part.len()).collect())
        } else {
            let all: Vec<usize> = span.filter(is_wanted).collect();
            (all.len(), all[query.paging.part_of(all.len())].to_vec())
        };
        if query.paging.desc {
            items.reverse();
        }
        let head = PageHead {
            paging: query.paging,
            total,
            count: items.len(),
        };
        ready_page(head, |json| {
            items.iter().for_each(|run| json.extend_from_slice(self.run(*run)));
        })
    }
}
