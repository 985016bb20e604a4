//! What a job comes to, noted while it is at it: for those who are told of its end, whatever that is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::api::client::ApiClient;
use crate::api::counts::{Counters, RequestCounts};
use crate::output::manifest::Manifest;
use crate::period::Period;
use crate::provenance::{FileEntry, Proof, Totals};

/// The notes of a job, shared by all that take part in it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<JournalEntry>>);

/// What is noted; what isn't known (yet) is absent.
#[derive(Debug, Clone, Default)]
pub struct JournalEntry {
    /// The account's ID, where the API told.
    pub account_id: Option<String>,
    /// The period.
    pub period: Option<Period>,
    /// Figures, once they are published.
    pub totals: Option<Totals>,
    /// Whether all runs are there.
    pub proof: Option<Proof>,
    /// What the reader of a figure must know.
    pub caveats: Vec<String>,
    /// Where the output is.
    pub out: Option<String>,
    /// Files that were published.
    pub files: Vec<FileEntry>,
    /// How long each stage took, in order.
    pub stages: Vec<(&'static str, Duration)>,
    /// How it ended, once it has: the exit code, and what was said.
    pub ended: Option<(u8, Option<String>)>,
    under_way: Option<(&'static str, Instant)>,
    counters: Option<Arc<Counters>>,
}

impl Journal {
    fn noted(&self) -> MutexGuard<'_, JournalEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was learnt.
    pub fn update(&self, update: impl FnOnce(&mut JournalEntry)) {
        update(&mut self.noted());
    }

    /// Another stage begins.
    pub fn stage(&self, name: &'static str) {
        tracing::info!(stage = name, "next stage");
        self.noted().switch(Some(name));
    }

    /// Requests go by this client. Its counts are kept and not the client: the record outlives the account's job, and connections
    /// shouldn't.
    pub fn attach_client(&self, api: &ApiClient) {
        self.noted().counters = Some(api.counters());
    }

    /// An export has been published.
    pub fn published(&self, manifest: &Manifest, out: &str) {
        let mut noted = self.noted();
        noted.period = Some(manifest.period.clone());
        noted.totals = Some(manifest.totals.clone());
        noted.proof = Some(manifest.proof.clone());
        noted.caveats.clone_from(&manifest.caveats);
        noted.out = Some(out.into());
        noted.files.clone_from(&manifest.files);
    }

    /// What has been noted up to now, the last stage ended.
    pub fn read(&self) -> (JournalEntry, RequestCounts) {
        let mut noted = self.noted();
        noted.switch(None);
        let counts = noted
            .counters
            .as_ref()
            .map(|counters| counters.read())
            .unwrap_or_default();
        (noted.clone(), counts)
    }
}

impl JournalEntry {
    fn switch(&mut self, next: Option<&'static str>) {
        let now = Instant::now();
        if let Some((name, began)) = self.under_way.take() {
            let took = now - began;
            match self.stages.iter_mut().find(|(other, _)| *other == name) {
                Some((_, time)) => *time += took,
                None => self.stages.push((name, took)),
            }
        }
        self.under_way = next.map(|name| (name, now));
    }
}
