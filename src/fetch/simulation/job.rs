//! One seed's job: an account that is read, and what came of it. What is wrong with that is `check`'s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave_record_batch;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::account::{FROM, SETTLE_MS, SimulatedAccount};
use super::live_pages::LivePages;
use super::random::SeededRandom;
use super::scenario::Scenario;
use super::server::SimulatedServer;
use crate::api::ask::RequestError;
use crate::api::client::ApiClient;
use crate::api::page::Page;
use crate::error::{Error, Result};
use crate::fetch::details::{DetailOptions, Details};
use crate::fetch::names::NameBook;
use crate::fetch::{Enrichment, FetchResult, Lister, PageLimit, PeriodFetch, ReadyWindow, TimeBudget};
use crate::period::Millis;
use crate::provenance::Filters;
use crate::runs::cost_state::SettleRule;
use crate::runs::schema::col;

/// Jobs of hours end within days; one that waits for nothing would never end.
const DEADLINE: Duration = Duration::from_secs(10 * 86_400);
/// No account needs more.
const MOST_REQUESTS: u64 = 20_000;

/// A row as it is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HandedRow {
    pub(super) start: Millis,
    pub(super) id: String,
    pub(super) cost: Option<i128>,
    pub(super) state: Option<&'static str>,
}

/// What came of a seed.
#[derive(Debug)]
pub(super) struct SeedResult {
    /// Where the account stands still and all of it was read.
    pub(super) rows: Option<HandedRows>,
    /// Of all requests and their instants.
    pub(super) trace: u64,
    pub(super) problems: Vec<String>,
}

/// All rows, in the order in which they were handed over.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HandedRows {
    pub(super) rows: Vec<HandedRow>,
    /// With all their columns; nothing without rows.
    columns: Option<RecordBatch>,
}

/// One seed's job.
pub(super) struct Simulation {
    pub(super) server: Arc<SimulatedServer>,
    pub(super) api: Arc<ApiClient>,
    pub(super) pages: Arc<Mutex<LivePages>>,
    rows: Mutex<HandedRows>,
    begin: Instant,
}

impl Simulation {
    pub(super) fn new(seed: u64, is_printed: bool) -> Simulation {
        let scenario = Scenario::new(seed);
        let account = SimulatedAccount::new(scenario.account);
        Simulation::of(scenario, account, is_printed)
    }

    pub(super) fn of(scenario: Scenario, account: SimulatedAccount, is_printed: bool) -> Simulation {
        let account = Arc::new(account);
        let options = scenario.client(account.job_start_ms());
        if is_printed {
            println!("{scenario:?}\n{:?}", account.habits);
        }
        let server = SimulatedServer::new(account, scenario, is_printed);
        let api = ApiClient::simulated(options, server.network()).unwrap();
        Simulation {
            server,
            api: Arc::new(api),
            pages: Arc::default(),
            rows: Mutex::default(),
            begin: Instant::now(),
        }
    }

    /// Reads the account as a job does.
    async fn read(&self) -> Result<FetchResult> {
        let (scenario, account) = (&self.server.scenario, &self.server.account);
        let lister = Lister {
            api: self.api.clone(),
            statuses: Vec::new(),
            allow_incomplete: false,
            period: (FROM, account.to),
            limit: PageLimit::default(),
        };
        let first = if scenario.lacks_first_page {
            lister.page(account.to, account.to, 0, false).await?;
            None
        } else {
            match lister.first_page(FROM - 1, account.to).await {
                Ok(page) => Some(page),
                Err(RequestError::TooHeavy) => None,
                Err(RequestError::Failed(error)) => return Err(error),
            }
        };
        let options = DetailOptions {
            mode: account.mode,
            concurrency: scenario.detail_concurrency,
            settle: SettleRule {
                job_start_ms: account.job_start_ms(),
                settle_ms: SETTLE_MS,
            },
            job_start: self.begin,
            wait_settled: account.wait_settled,
        };
        let readying = Enrichment {
            filters: Filters::default(),
            names: Arc::new(NameBook::new(None, Arc::new(TimeBudget::new(Duration::ZERO)))),
            details: Arc::new(Details::new(self.api.clone(), options, Box::new(|_, _| ()))),
            sample: None,
            held: Arc::default(),
        };
        let pages = self.pages.clone();
        let on_page = Box::new(move |page: &Page| pages.lock().unwrap().add(page));
        let fetch =
            PeriodFetch::new(lister, first, scenario.concurrency, on_page).with_backpressure(readying.held.clone());
        let (walked, to_be_ready) = mpsc::channel(1);
        let (ready, to_be_written) = mpsc::channel(1);
        let (fetched, _, ()) = tokio::try_join!(
            fetch.run(walked),
            readying.run(None, to_be_ready, ready),
            self.receive(to_be_written)
        )?;
        Ok(fetched)
    }

    /// Takes windows as slowly as the writer does.
    async fn receive(&self, mut windows: mpsc::Receiver<ReadyWindow>) -> Result<()> {
        let scenario = &self.server.scenario;
        let mut random = SeededRandom::new(scenario.seed);
        while let Some(window) = windows.recv().await {
            tokio::time::sleep(Duration::from_millis(random.below(scenario.slowness_ms))).await;
            self.rows.lock().unwrap().add(&window);
        }
        Ok(())
    }

    pub(super) async fn run(self) -> SeedResult {
        let limit = self.server.scenario.cancelled.unwrap_or(DEADLINE);
        let read = tokio::time::timeout(limit, self.read()).await.ok();
        // Tasks that were ended are dropped once they would run again.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let mut problems = self.left_over();
        let requests = self.server.state().requests;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        if self.server.state().requests != requests {
            problems.push("requests are sent after the end".into());
        }
        let rows = self.rows.lock().unwrap().clone();
        problems.extend(self.problems_of_rows(&rows.rows, matches!(read, Some(Ok(_)))));
        let account = &self.server.account;
        let is_whole = match read {
            None if self.server.scenario.cancelled.is_none() => {
                problems.push("it does not end".into());
                false
            }
            None => false,
            Some(Ok(fetched)) => {
                problems.extend(self.problems_of_proof(&fetched));
                true
            }
            Some(Err(Error::Unreachable(_))) if self.server.scenario.is_harsh => false,
            // Runs that come and go faster than they are counted can't be told from a list that lacks some.
            Some(Err(Error::Untrusted(_))) if !account.is_stable() => false,
            Some(Err(error)) => {
                problems.push(format!("it fails: {error}"));
                false
            }
        };
        let state = self.server.state();
        problems.extend(state.problems.iter().take(5).cloned());
        if state.requests > MOST_REQUESTS {
            problems.push(format!("{} requests were sent", state.requests));
        }
        // Of a run whose detail fails for good, the cost is the list's.
        let is_comparable = is_whole && account.is_stable() && !self.server.scenario.is_harsh;
        SeedResult {
            rows: is_comparable.then_some(rows),
            trace: state.trace,
            problems,
        }
    }
}

impl HandedRows {
    fn add(&mut self, window: &ReadyWindow) {
        if window.rows.is_empty() {
            return;
        }
        for (page, row) in &window.rows {
            let page = &window.pages[*page as usize];
            self.rows.push(handed_row(page, *row as usize, &window.states));
        }
        let pages: Vec<&RecordBatch> = window.pages.iter().collect();
        let at: Vec<_> = window
            .rows
            .iter()
            .map(|(page, row)| (*page as usize, *row as usize))
            .collect();
        let columns = interleave_record_batch(&pages, &at).unwrap();
        self.columns = Some(match self.columns.take() {
            Some(before) => concat_batches(&columns.schema(), [&before, &columns]).unwrap(),
            None => columns,
        });
    }
}

fn handed_row(page: &RecordBatch, row: usize, states: &HashMap<String, &'static str>) -> HandedRow {
    let id = page.column(col::ID).as_string::<i32>().value(row);
    let costs = page.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>();
    HandedRow {
        start: page
            .column(col::STARTED_AT)
            .as_primitive::<TimestampMillisecondType>()
            .value(row),
        id: id.into(),
        cost: costs.is_valid(row).then(|| costs.value(row)),
        state: states.get(id).copied(),
    }
}
