//! What windows come to together. Pure; what it means is `period_fetch`'s.

use std::collections::BTreeMap;

use crate::api::item::RejectedItem;
use crate::fetch::window::WalkedWindow;
use crate::period::Millis;
use crate::provenance::Proof;

#[derive(Debug)]
pub struct FetchResult {
    pub proof: Proof,
    pub changed_meanwhile: bool,
    pub rejected: Vec<RejectedItem>,
    pub mistyped: u64,
}

/// For counting the window again should the whole not add up.
pub(super) struct WindowCount {
    pub(super) from: Millis,
    pub(super) to: Millis,
    pub(super) received: u64,
}

#[derive(Default)]
pub(super) struct PeriodSum {
    pub(super) proof: Proof,
    pub(super) moved: u64,
    pub(super) listed_twice: u64,
    pub(super) outside_first: u64,
    pub(super) outside_last: u64,
    /// Those of them that a count doesn't include which leaves out what started after the period.
    pub(super) beyond_last: u64,
    pub(super) changed_meanwhile: bool,
    /// Each once, though windows overlap by a millisecond and some have no start.
    pub(super) rejected: BTreeMap<String, RejectedItem>,
    pub(super) mistyped: u64,
    pub(super) windows: Vec<WindowCount>,
}

impl PeriodSum {
    /// Distinct runs received that a count of the whole period includes.
    pub(super) fn received(&self) -> u64 {
        self.proof.fetched + self.moved + self.outside_first + self.outside_last
    }

    pub(super) fn add(&mut self, window: &WalkedWindow) {
        if self.windows.is_empty() {
            self.proof.proven = true;
            self.outside_first = window.outside.0;
        }
        self.proof.counted += window.counted;
        self.proof.fetched += window.fetched;
        self.moved += window.moved;
        self.listed_twice += window.listed_twice;
        (self.outside_last, self.beyond_last) = (window.outside.1, window.beyond);
        self.proof.proven &= window.proven;
        self.changed_meanwhile |= window.changed_meanwhile;
        window.notes.iter().for_each(|note| self.proof.note(note.clone()));
        let rejected = window.rejected.iter();
        self.rejected
            .extend(rejected.map(|rejected| (rejected.item.clone(), rejected.clone())));
        self.mistyped += window.mistyped;
        let received = window.fetched + window.moved + window.listed_twice + window.outside.0 + window.outside.1;
        self.windows.push(WindowCount {
            from: window.from,
            to: window.to,
            received,
        });
    }

    pub(super) fn finish(self) -> FetchResult {
        FetchResult {
            proof: self.proof,
            changed_meanwhile: self.changed_meanwhile,
            rejected: self.rejected.into_values().collect(),
            mistyped: self.mistyped,
        }
    }
}
