//! Fetches single runs' details: for which runs, how many at once, when again, and with what result. A failed detail
//! leaves its row as the list gave it, and is counted. What a detail does to a row is `runs::detail`'s.

mod check;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_array::RecordBatch;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::client::ApiClient;
use crate::api::detail::DetailAnswer;
use crate::api::endpoints::LookupAnswer;
use crate::error::{Error, Result};
use crate::fetch::listed_run::{ListedRun, ListedRuns};
use crate::fetch::names::is_path_segment;
use crate::fetch::tally::RowAt;
use crate::provenance::{DetailCounts, DetailMode};
use crate::runs::cost_state::{SETTLED, SettleRule, is_terminal};
use crate::runs::detail::{Metering, RunDetail, with_details};

/// After so many failed details in a row, retries and all, no more are fetched: the API fails, not the runs.
const FAILURES_IN_A_ROW: u32 = 40;
/// Runs with a failed detail that are named.
const MAX_NAMED: usize = 1000;

#[derive(Debug, Clone, Copy)]
pub struct DetailOptions {
    pub mode: DetailMode,
    pub concurrency: usize,
    pub settle: SettleRule,
    /// The same moment as `settle.job_start_ms`.
    pub job_start: Instant,
    /// How long after that a finished run may be waited for to settle.
    pub wait_settled: Duration,
}

pub struct Details {
    pub(super) api: Arc<ApiClient>,
    pub(super) options: DetailOptions,
    at_once: Arc<Semaphore>,
    progress: Mutex<DetailProgress>,
    /// Called with how many more are to be fetched, and how many of them are done.
    on_progress: Box<dyn Fn(u64, u64) + Send + Sync>,
}

struct DetailProgress {
    counts: DetailCounts,
    failures_in_a_row: u32,
    first_failure: Option<String>,
    first_mistyped: Option<String>,
}

/// The first run of each kind of trouble, and what it is.
pub struct DetailTroubles {
    pub failure: Option<String>,
    /// A field that is unknown since it is of another type than documented.
    pub mistyped: Option<String>,
}

pub(super) struct Question {
    at: RowAt,
    pub(super) id: String,
    /// Not before its cost will be settled.
    due: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Answers {
    by_page: BTreeMap<u32, BTreeMap<u32, RunDetail>>,
    /// Cost states that don't follow from the rows alone, by run.
    pub(super) states: HashMap<String, &'static str>,
}

impl Answers {
    fn note(&mut self, at: RowAt, detail: RunDetail) {
        self.by_page.entry(at.0).or_default().insert(at.1, detail);
    }

    /// A run that was listed for its status keeps it, though its detail may have another by now; how final its cost is,
    /// the detail decides.
    pub(super) fn keep_to(&mut self, statuses: &[String], settle: &SettleRule, pages: &[RecordBatch]) {
        for (page, details) in &mut self.by_page {
            let listed = ListedRuns::new(&pages[*page as usize]);
            for (row, detail) in details {
                if !statuses.is_empty() && !statuses.contains(&detail.status) {
                    let run = listed.run(*row as usize);
                    if detail.usage.is_some() {
                        let state = settle.state(&detail.status, detail.finished_at_ms, true);
                        self.states.insert(run.id.into(), state);
                    }
                    detail.status = run.status.into();
                    detail.finished_at_ms = run.finished_at_ms;
                }
            }
        }
    }
}

/// What the API has of a run's detail.
enum DetailReply {
    Read(Box<DetailAnswer>),
    NotFound,
    /// Why it can't be used.
    Unusable(String),
}

impl Details {
    pub fn new(
        api: Arc<ApiClient>,
        options: DetailOptions,
        on_progress: Box<dyn Fn(u64, u64) + Send + Sync>,
    ) -> Details {
        Details {
            api,
            options,
            at_once: Arc::new(Semaphore::new(options.concurrency.max(1))),
            progress: Mutex::new(DetailProgress {
                counts: DetailCounts::of(options.mode),
                failures_in_a_row: 0,
                first_failure: None,
                first_mistyped: None,
            }),
            on_progress,
        }
    }

    pub fn counts(&self) -> (DetailCounts, DetailTroubles) {
        let progress = self.progress();
        let troubles = DetailTroubles {
            failure: progress.first_failure.clone(),
            mistyped: progress.first_mistyped.clone(),
        };
        (progress.counts.clone(), troubles)
    }

    /// Fetches the details that a window's rows need and that aren't known.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        pages: &[RecordBatch],
        questions: Vec<Question>,
        known: HashMap<String, RunDetail>,
    ) -> Result<Answers> {
        let mut answers = Answers::default();
        let mut questions = self.not_known(questions, pages, known, &mut answers);
        (self.on_progress)(questions.len() as u64, 0);
        questions.sort_by_key(|question| question.due);
        let mut under_way = JoinSet::new();
        for question in questions {
            while let Some(answered) = under_way.try_join_next() {
                self.take(answered.map_err(failed)??, pages, &mut answers);
            }
            if let Some(due) = question.due {
                tokio::time::sleep_until(due).await;
            }
            let permit = self.at_once.clone().acquire_owned().await;
            let details = self.clone();
            under_way.spawn(async move {
                let detail = details.ask(&question.id).await;
                drop(permit);
                detail.map(|detail| (question, detail))
            });
        }
        while let Some(answered) = under_way.join_next().await {
            self.take(answered.map_err(failed)??, pages, &mut answers);
        }
        Ok(answers)
    }

    /// The runs whose detail is needed, by the mode; and those that will settle in time.
    pub(super) fn questions(&self, pages: &[RecordBatch], rows: &[RowAt]) -> Vec<Question> {
        let columns: Vec<ListedRuns> = pages.iter().map(ListedRuns::new).collect();
        let mut questions = Vec::new();
        for at in rows {
            let run = columns[at.0 as usize].run(at.1 as usize);
            let due = self.due(&run);
            if due.is_some() || run.needs_detail(self.options.mode, &self.options.settle) {
                questions.push(Question {
                    at: *at,
                    id: run.id.into(),
                    due,
                });
            }
        }
        questions
    }

    /// When a finished run's cost will be settled, if that is worth waiting for.
    fn due(&self, run: &ListedRun) -> Option<Instant> {
        let options = &self.options;
        let can_settle = is_terminal(run.status) && options.mode != DetailMode::None;
        let finished = run.finished_at_ms.filter(|_| can_settle)?;
        let since_start = finished.saturating_add(options.settle.settle_ms) - options.settle.job_start_ms;
        let wait = Duration::from_millis(u64::try_from(since_start).ok().filter(|wait| *wait > 0)?);
        (wait <= options.wait_settled).then(|| options.job_start + wait)
    }

    fn not_known(
        &self,
        questions: Vec<Question>,
        pages: &[RecordBatch],
        mut known: HashMap<String, RunDetail>,
        answers: &mut Answers,
    ) -> Vec<Question> {
        if known.is_empty() {
            return questions;
        }
        let mut left = Vec::with_capacity(questions.len());
        for question in questions {
            let listed = ListedRuns::new(&pages[question.at.0 as usize]).run(question.at.1 as usize);
            match known.remove(&question.id).filter(|detail| listed.is_as_in(detail)) {
                Some(detail) if !self.options.settle.just_finished(listed.finished_at_ms) => {
                    let counts = &mut self.progress().counts;
                    counts.reused += 1;
                    counts.meters_disagree += u64::from(detail.meters_disagree());
                    counts.reached_limit += u64::from(detail.has_reached_its_limit());
                    answers.note(question.at, detail);
                }
                _ => left.push(question),
            }
        }
        left
    }

    /// A run's detail, if it can be had; an error where the token is refused.
    async fn ask(&self, id: &str) -> Result<Option<RunDetail>> {
        if !is_path_segment(id) {
            self.note_failure(id, "its ID has characters that a URL cannot have");
            // Which is no failure of the API's.
            self.progress().failures_in_a_row -= 1;
            return Ok(None);
        }
        if self.progress().failures_in_a_row >= FAILURES_IN_A_ROW {
            self.note_failure(id, "not requested, because too many requests for details had failed");
            return Ok(None);
        }
        self.progress().counts.asked += 1;
        match self.reply(id).await? {
            DetailReply::Read(answered) => return Ok(Some(self.noted(*answered))),
            DetailReply::NotFound => self.progress().counts.not_found += 1,
            DetailReply::Unusable(problem) => self.note_failure(id, &problem),
        }
        Ok(None)
    }

    /// Asks for a run's detail; an error where the token is refused.
    async fn reply(&self, id: &str) -> Result<DetailReply> {
        Ok(match self.api.run_detail(id).await {
            Ok(LookupAnswer::Found(answered)) if answered.id == id => DetailReply::Read(Box::new(answered)),
            Ok(LookupAnswer::Found(answered)) => {
                DetailReply::Unusable(format!("the API answered with run {}", answered.id))
            }
            Ok(LookupAnswer::Missing(404)) => DetailReply::NotFound,
            Ok(LookupAnswer::Missing(status)) => DetailReply::Unusable(format!("the API refused it: {status}")),
            Err(Error::NotAuthorised(problem)) => return Err(Error::NotAuthorised(problem)),
            Err(error) => DetailReply::Unusable(error.to_string()),
        })
    }

    /// Counts an answer, and drops what isn't wanted of it.
    fn noted(&self, answered: DetailAnswer) -> RunDetail {
        let DetailAnswer {
            id,
            mut detail,
            mut mistyped,
            mistyped_metering,
        } = answered;
        let mut progress = self.progress();
        progress.failures_in_a_row = 0;
        let counts = &mut progress.counts;
        match detail.usage {
            Some(_) => counts.found += 1,
            None => counts.without_cost += 1,
        }
        counts.meters_disagree += u64::from(detail.meters_disagree());
        if self.options.mode == DetailMode::All {
            counts.reached_limit += u64::from(detail.has_reached_its_limit());
            mistyped.extend(mistyped_metering);
        } else {
            detail.metering = Metering::default();
        }
        if let Some(first) = mistyped.first() {
            counts.mistyped += mistyped.len() as u64;
            progress
                .first_mistyped
                .get_or_insert_with(|| format!("run {id}: {first}"));
        }
        detail
    }

    fn progress(&self) -> MutexGuard<'_, DetailProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_failure(&self, id: &str, problem: &str) {
        let mut progress = self.progress();
        progress.failures_in_a_row += 1;
        progress
            .first_failure
            .get_or_insert_with(|| format!("run {id}: {problem}"));
        progress.counts.failed += 1;
        if progress.counts.failed_runs.len() < MAX_NAMED {
            progress.counts.failed_runs.push(id.into());
        }
    }

    fn take(&self, (question, detail): (Question, Option<RunDetail>), pages: &[RecordBatch], answers: &mut Answers) {
        (self.on_progress)(0, 1);
        let listed = ListedRuns::new(&pages[question.at.0 as usize]).run(question.at.1 as usize);
        listed.compare(
            detail.as_ref(),
            &self.options.settle,
            &mut self.progress().counts.checked,
        );
        let Some(detail) = detail else { return };
        if question.due.is_some() && detail.usage.is_some() && self.has_settled(&detail) {
            answers.states.insert(question.id, SETTLED);
        }
        answers.note(question.at, detail);
    }

    /// Whether a run finished long enough ago by now, later than the job's start; it may have run again meanwhile.
    fn has_settled(&self, detail: &RunDetail) -> bool {
        let options = &self.options;
        let since_start = i64::try_from(options.job_start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let by_now = SettleRule {
            job_start_ms: options.settle.job_start_ms.saturating_add(since_start),
            ..options.settle
        };
        by_now.state(&detail.status, detail.finished_at_ms, true) == SETTLED
    }

    /// The pages with the details in their rows.
    pub(super) fn applied(&self, pages: Vec<RecordBatch>, answers: &Answers) -> Vec<RecordBatch> {
        let metered = self.options.mode == DetailMode::All;
        let none = BTreeMap::new();
        let pages = pages.into_iter().enumerate();
        pages
            .map(|(at, page)| match answers.by_page.get(&(at as u32)) {
                None if !metered => page,
                details => with_details(&page, details.unwrap_or(&none), metered),
            })
            .collect()
    }
}

fn failed(error: tokio::task::JoinError) -> Error {
    anyhow::anyhow!("fetching details failed: {error}").into()
}
