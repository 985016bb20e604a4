//! API to staged rows, shared by export, sync, reconcile and compare: windows are fetched, enriched and written, side by side.

pub mod connection;
pub mod filters;
pub mod known_details;
pub mod options;
pub mod progress;
pub mod scratch;
pub mod start;
pub mod writer;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::api::page::Page;
use crate::context::terminal::warn;
use crate::error::Result;
use crate::fetch::details::{DetailOptions, DetailTroubles, Details};
use crate::fetch::names::NameBook;
use crate::fetch::{Enrichment, FetchResult, KnownDetails, ListSample, Lister, PeriodFetch};
use crate::output::publish::Staging;
use crate::pipeline::connection::{FirstPage, SPARE_TIME};
use crate::pipeline::progress::Progress;
use crate::pipeline::writer::{WriteOptions, WrittenRows, write_windows};
use crate::provenance::{DetailCounts, DetailMode, Filters};
use crate::report::caveat::ReadGap;
use crate::report::dimension::Dimension;
use crate::report::figures::Figures;
use crate::text::counted;

/// How many windows wait between one stage and the next, beside the ones that the plan counts.
const WAITING_WINDOWS: usize = 1;

/// What is read, and how; [`options::PipelineOptions`] puts it together.
pub struct Pipeline {
    pub lister: Lister,
    pub first: FirstPage,
    pub concurrency: usize,
    pub filters: Filters,
    pub names: Arc<NameBook>,
    pub details: DetailOptions,
    pub known: Option<KnownDetails>,
    /// Whether details of some runs are compared with the list's costs, where only missing costs are asked for.
    pub checks_costs: bool,
    pub on_terminal: bool,
}

pub struct PeriodResult {
    pub fetched: FetchResult,
    pub written: WrittenRows,
    pub details: DetailCounts,
    /// The first detail that failed, in words.
    pub failure: Option<String>,
}

impl PeriodResult {
    /// What must be said of it where no report does.
    pub fn gaps(&self) -> Vec<ReadGap> {
        let runs = self.details.failed;
        let details = (runs > 0).then_some(ReadGap::DetailsFailed { runs });
        let list = self.fetched.changed_meanwhile.then_some(ReadGap::ListChanged);
        details.into_iter().chain(list).collect()
    }
}

impl Pipeline {
    /// Fetches and writes into the staging folder.
    pub async fn run(self, staging: Arc<Staging>, options: WriteOptions) -> Result<PeriodResult> {
        let expected = self.first.as_ref().map(|page| page.total);
        let progress = Progress::new(self.lister.period, expected.unwrap_or(0), self.on_terminal);
        let (on_page, on_details) = (progress.clone(), progress.clone());
        let details = Arc::new(Details::new(
            self.lister.api.clone(),
            self.details,
            Box::new(move |wanted, came| on_details.details(wanted, came)),
        ));
        let checks_costs = self.checks_costs && self.details.mode == DetailMode::Missing;
        let sample = checks_costs.then(|| ListSample::new(self.details.settle));
        let readying = Enrichment {
            filters: self.filters,
            names: self.names,
            details: details.clone(),
            sample,
            held: Arc::default(),
        };
        let on_page = Box::new(move |page: &Page| on_page.received(page.started_at_ms()));
        let fetch = PeriodFetch::new(self.lister, self.first, self.concurrency, on_page)
            .with_backpressure(readying.held.clone());
        let (walked, to_be_ready) = mpsc::channel(WAITING_WINDOWS);
        let (ready, to_be_written) = mpsc::channel(WAITING_WINDOWS);
        let writer = tokio::task::spawn_blocking(move || write_windows(to_be_written, expected, &staging, &options));
        let reading = async { tokio::try_join!(fetch.run(walked), readying.run(self.known, to_be_ready, ready)) };
        let fetched = tokio::select! {
            fetched = reading => fetched,
            () = progress.clone().write_lines() => unreachable!("lines are written until the end"),
        };
        progress.finish();
        let written = writer
            .await
            .map_err(|error| anyhow::anyhow!("the writer failed: {error}"))?;
        // What the writer has to say comes first: a reader whose receiver is gone has nothing to add.
        let written = written?;
        let (fetched, sample) = fetched?;
        if let Some(sample) = sample {
            let chosen = sample.choose(dearest_actors(&written.figures));
            details.check(chosen, SPARE_TIME).await?;
        }
        let (details, DetailTroubles { failure, mistyped }) = details.counts();
        if let Some(first) = mistyped {
            let fields = counted(details.mistyped, "field", "fields");
            warn(&format!(
                "{fields} in details have another type than Apify documents, so their values are unknown (NULL). {first}"
            ));
        }
        Ok(PeriodResult {
            fetched,
            written,
            details,
            failure,
        })
    }
}

/// The IDs of Actors, the dearest one first.
fn dearest_actors(figures: &Figures) -> impl Iterator<Item = &str> {
    let actors = figures.by(Dimension::Actor).into_iter();
    actors.flat_map(|actors| actors.groups().filter_map(|actor| actor.key(0)))
}
