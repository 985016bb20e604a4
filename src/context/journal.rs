//! What a job has come to so far: written while it works, read by whoever reports its end, whatever that is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::api::attempts::Attempts;
use crate::api::client::ApiClient;
use crate::api::counts::{Counters, RequestCounts};
use crate::error::Result;
use crate::output::manifest::Manifest;
use crate::period::Period;
use crate::provenance::{FileEntry, Proof, Totals};
use crate::report::caveat::Caveat;
use crate::report::unusual::UnusualDays;
use crate::text::counted;

/// What is known of one account's job, shared by all that take part in it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<JournalEntry>>);

/// What isn't known yet is absent.
#[derive(Debug, Clone, Default)]
pub struct JournalEntry {
    pub account_id: Option<String>,
    pub period: Option<Period>,
    /// Figures, once they are published.
    pub totals: Option<Totals>,
    /// Whether all runs are there.
    pub proof: Option<Proof>,
    /// What the reader of a figure must know.
    pub caveats: Vec<Caveat>,
    /// Days that were judged by those before them.
    pub unusual: Option<UnusualDays>,
    pub out: Option<String>,
    pub files: Vec<FileEntry>,
    /// How long each stage took, in order.
    pub stages: Vec<(&'static str, Duration)>,
    pub ended: Option<Ending>,
    /// When work began, and how long it took once it has ended.
    began: Option<Instant>,
    took: Option<Duration>,
    under_way: Option<Stage>,
    counters: Option<Arc<Counters>>,
    attempts: Option<Arc<Attempts>>,
}

/// A stage that has begun.
#[derive(Debug, Clone)]
struct Stage {
    name: &'static str,
    began: Instant,
    /// What had been asked for by then.
    asked: RequestCounts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub exit_code: u8,
    /// What was said of it.
    pub error: Option<String>,
}

impl Ending {
    pub fn new(exit_code: u8, error: impl Into<String>) -> Ending {
        Ending {
            exit_code,
            error: Some(error.into()),
        }
    }
}

impl From<&Result<()>> for Ending {
    fn from(result: &Result<()>) -> Ending {
        match result {
            Ok(()) => Ending {
                exit_code: 0,
                error: None,
            },
            Err(error) => Ending::new(error.exit_code(), error.to_string()),
        }
    }
}

impl Journal {
    fn entry(&self) -> MutexGuard<'_, JournalEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn update(&self, update: impl FnOnce(&mut JournalEntry)) {
        update(&mut self.entry());
    }

    /// A stage begins; the log says what is being done.
    pub fn stage(&self, name: &'static str, doing: &str) {
        tracing::info!(stage = name, "{doing}");
        self.entry().switch(Some(name));
    }

    /// The account's turn has come.
    pub fn begin(&self) {
        self.entry().began = Some(Instant::now());
    }

    /// The stage's work is done; the log says how much it was, what was asked for it, and how long it took.
    pub fn stage_done(&self, what: &str) {
        let mut entry = self.entry();
        let Some(stage) = entry.under_way.clone() else {
            return;
        };
        let asked = entry.counts();
        let (requests, bytes) = (asked.total - stage.asked.total, asked.bytes - stage.asked.bytes);
        let seconds = (stage.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        tracing::info!(stage = stage.name, requests, bytes, seconds, "{what}");
        entry.switch(None);
    }

    pub fn end(&self, ending: Ending) {
        let mut entry = self.entry();
        entry.took = Some(entry.took());
        entry.ended = Some(ending);
    }

    /// Keeps the counts of a client and not the client: the journal outlives the account's job, and connections shouldn't.
    pub fn attach_client(&self, api: &ApiClient) {
        let mut entry = self.entry();
        (entry.counters, entry.attempts) = (Some(api.counters()), Some(api.attempts()));
    }

    /// Why the API has not answered what is being asked of it, while that is so.
    pub fn waiting_cause(&self) -> Option<String> {
        let attempts = self.entry().attempts.clone();
        attempts.and_then(|attempts| attempts.cause())
    }

    /// An export has been published.
    pub fn published(&self, manifest: &Manifest, out: &str) {
        let mut entry = self.entry();
        entry.period = Some(manifest.period.clone());
        entry.totals = Some(manifest.totals.clone());
        entry.proof = Some(manifest.proof.clone());
        entry.caveats = manifest.caveats();
        entry.out = Some(out.into());
        entry.files.clone_from(&manifest.files);
    }

    /// All of it up to now, the last stage ended.
    pub fn read(&self) -> (JournalEntry, RequestCounts) {
        let mut entry = self.entry();
        entry.switch(None);
        let counts = entry.counts();
        (entry.clone(), counts)
    }
}

impl JournalEntry {
    /// How long the work took, or has taken up to now; zero where it never began.
    pub fn took(&self) -> Duration {
        let so_far = || self.began.map_or(Duration::ZERO, |began| began.elapsed());
        self.took.unwrap_or_else(so_far)
    }

    fn switch(&mut self, next: Option<&'static str>) {
        let now = Instant::now();
        if let Some(Stage { name, began, .. }) = self.under_way.take() {
            let took = now - began;
            match self.stages.iter_mut().find(|(other, _)| *other == name) {
                Some((_, time)) => *time += took,
                None => self.stages.push((name, took)),
            }
        }
        self.under_way = next.map(|name| Stage {
            name,
            began: now,
            asked: self.counts(),
        });
    }

    fn counts(&self) -> RequestCounts {
        let counters = self.counters.as_ref();
        counters.map(|counters| counters.read()).unwrap_or_default()
    }

    /// What the job came to, for the last line of its log: runs, dollars, where.
    pub fn in_words(&self) -> Option<String> {
        let totals = self.totals.as_ref()?;
        let runs = counted(totals.runs, "run", "runs");
        let least = if totals.runs_cost_unknown > 0 { "at least " } else { "" };
        let dollars = totals
            .usage_total_usd
            .map_or("cost unknown".into(), |usd| format!("{least}${usd}"));
        let out = self.out.as_deref().map_or(String::new(), |out| format!(", in {out}"));
        Some(format!("{runs}, {dollars}{out}"))
    }
}
