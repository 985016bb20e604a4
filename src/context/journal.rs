//! What a job comes to, noted while it is at it: for those who are told of its end, whatever that is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::api::client::ApiClient;
use crate::api::counts::{Counters, RequestCounts};
use crate::money::Usd;
use crate::output::manifest::Manifest;
use crate::provenance::{FileEntry, PeriodText, TotalsText};
use crate::report::caveat::Caveat;

/// The notes of a job, shared by all that take part in it.
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Mutex<Noted>>);

/// What is noted; what isn't known (yet) is absent.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// The account's ID, where the API told.
    pub account_id: Option<String>,
    /// The period.
    pub period: Option<PeriodText>,
    /// Figures, once they are published.
    pub totals: Option<Totals>,
    /// Whether all runs are there.
    pub proof: Option<ProofCounts>,
    /// What the reader of a figure must know.
    pub caveats: Vec<Caveat>,
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

/// Runs and dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// US dollars; none where no cost is known.
    pub usage_usd: Option<Usd>,
    /// Runs without a cost: not in the sum.
    pub cost_unknown: u64,
    /// Runs whose cost may still move.
    pub provisional: u64,
}

/// Runs by the API's count, and as they were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofCounts {
    /// Whether that shows that all are there.
    pub proven: bool,
    /// By the API's count.
    pub counted: u64,
    /// Received.
    pub fetched: u64,
}

impl Record {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was learnt.
    pub fn note(&self, note: impl FnOnce(&mut Noted)) {
        note(&mut self.noted());
    }

    /// Another stage begins.
    pub fn stage(&self, name: &'static str) {
        tracing::info!(stage = name, "next stage");
        self.noted().switch(Some(name));
    }

    /// Requests go by this client. Its counts are kept and not the client: the record outlives the account's job, and connections
    /// shouldn't.
    pub fn asks(&self, api: &ApiClient) {
        self.noted().counters = Some(api.counters());
    }

    /// An export has been published.
    pub fn published(&self, manifest: &Manifest, out: &str) {
        let mut noted = self.noted();
        noted.period = Some(manifest.period.clone());
        noted.totals = Some(Totals::from(&manifest.totals));
        noted.proof = Some(ProofCounts {
            proven: manifest.proof.proven,
            counted: manifest.proof.counted,
            fetched: manifest.proof.fetched,
        });
        noted.caveats = manifest.caveats();
        noted.out = Some(out.into());
        noted.files.clone_from(&manifest.files);
    }

    /// What has been noted up to now, the last stage ended.
    pub fn read(&self) -> (Noted, RequestCounts) {
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

impl Noted {
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

impl ProofCounts {
    /// Both together.
    pub fn and(self, other: ProofCounts) -> ProofCounts {
        ProofCounts {
            proven: self.proven && other.proven,
            counted: self.counted + other.counted,
            fetched: self.fetched + other.fetched,
        }
    }
}

impl From<&TotalsText> for Totals {
    fn from(totals: &TotalsText) -> Totals {
        Totals {
            runs: totals.runs,
            usage_usd: totals.usage_total_usd.as_deref().and_then(Usd::parse_plain),
            cost_unknown: totals.runs_cost_unknown,
            provisional: totals.runs_provisional,
        }
    }
}

impl Totals {
    /// Both together: unknown only where neither is known.
    pub fn plus(&self, other: &Totals) -> Totals {
        Totals {
            runs: self.runs + other.runs,
            usage_usd: match (self.usage_usd, other.usage_usd) {
                (Some(one), Some(other)) => Some(Usd(one.0 + other.0)),
                (one, other) => one.or(other),
            },
            cost_unknown: self.cost_unknown + other.cost_unknown,
            provisional: self.provisional + other.provisional,
        }
    }
}
