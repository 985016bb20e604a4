//! The Actors, tasks or schedules that runs are of, as the runs tell of them, each once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::period::Millis;

#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// In the order in which they were seen.
    pub(super) all: Vec<CatalogEntry>,
    by_id: HashMap<Box<str>, u32, RandomState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CatalogEntry {
    pub(super) id: Box<str>,
    /// As its latest run has it.
    pub(super) name: Option<Box<str>>,
    pub(super) act_id: Box<str>,
    pub(super) runs: u64,
    pub(super) first: Millis,
    pub(super) last: Millis,
}

impl Catalog {
    /// The place of an ID, if one is given; `None` where no run is of it.
    pub(super) fn place(&self, id: Option<&str>) -> Option<Option<u32>> {
        let Some(id) = id else { return Some(None) };
        self.by_id.get(id).copied().map(Some)
    }

    /// Counts a run of an entry, and returns its place; `last` is the place that the run before had.
    pub(super) fn add(&mut self, id: &str, act_id: &str, name: Option<&str>, start: Millis, last: &mut u32) -> u32 {
        // Runs of one Actor often follow each other.
        let place = match self.all.get(*last as usize) {
            Some(seen) if *seen.id == *id => *last,
            _ => match self.by_id.get(id) {
                Some(place) => *place,
                None => {
                    let place = self.all.len() as u32;
                    self.by_id.insert(id.into(), place);
                    self.all.push(CatalogEntry {
                        id: id.into(),
                        name: None,
                        act_id: act_id.into(),
                        runs: 0,
                        first: start,
                        last: start,
                    });
                    place
                }
            },
        };
        *last = place;
        self.all[place as usize].add(name, 1, start, start);
        place
    }
}

impl CatalogEntry {
    /// Counts more of its runs; the latest that has a name decides on that.
    pub(super) fn add(&mut self, name: Option<&str>, runs: u64, first: Millis, last: Millis) {
        if let Some(name) = name
            && (last >= self.last || self.name.is_none())
            && self.name.as_deref() != Some(name)
        {
            self.name = Some(name.into());
        }
        self.runs += runs;
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }
}
