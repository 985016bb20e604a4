//! The pages that are in memory, wherever they are.

use std::sync::{Arc, Weak};

use arrow_array::Array;

use crate::api::page::Page;
use crate::runs::schema::col;

/// What is counted is the runs that come new with them, all but the first: windows are as long as so many runs fill their pages.
#[derive(Default)]
pub(super) struct LivePages {
    pages: Vec<(Weak<dyn Array>, usize)>,
    pub(super) most_runs: usize,
}

impl LivePages {
    pub(super) fn add(&mut self, page: &Page) {
        let runs = page.runs.num_rows().saturating_sub(1);
        self.pages.push((Arc::downgrade(page.runs.column(col::ID)), runs));
        self.most_runs = self.most_runs.max(self.runs());
    }

    fn runs(&mut self) -> usize {
        self.pages.retain(|(page, _)| page.strong_count() > 0);
        self.pages.iter().map(|(_, runs)| runs).sum()
    }

    pub(super) fn are_left(&mut self) -> bool {
        self.runs();
        !self.pages.is_empty()
    }
}
