//! Fetches single runs' details: for which runs, how many at once, when again, and what came of it. A detail that can't be
//! had leaves its row as the list gave it, and is counted. What a detail does to a row is `runs::detail`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::names::is_path_segment;
use super::tally::RowAt;
use crate::api::client::ApiClient;
use crate::api::endpoints::Found;
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::period::Millis;
use crate::runs::cost_state::{SETTLED, SettleRule, is_terminal};
use crate::runs::detail::{Metering, RunDetail, with_details};
use crate::runs::schema::col;
use crate::statement::{DetailCounts, DetailMode};

/// After so many details in a row that failed, retries and all, no more are asked for: it is the API, not the runs.
const FAILURES_IN_A_ROW: u32 = 40;
/// How many runs whose detail failed are named.
const MAX_NAMED: usize = 1000;

/// What is known of settled runs that started in `[from, to)`, from an earlier export: by ID.
pub type Known = Box<dyn FnMut(Millis, Millis) -> HashMap<String, RunDetail> + Send>;

/// How details are asked for.
#[derive(Debug, Clone, Copy)]
pub struct DetailOptions {
    /// Of which runs.
    pub mode: DetailMode,
    /// How many at once.
    pub concurrency: usize,
    /// When a cost is settled.
    pub settle: SettleRule,
    /// When the job began, which is `settle.job_start_ms`.
    pub job_start: Instant,
    /// How long after that a run may be waited for that has finished and isn't settled.
    pub wait_settled: Duration,
}

/// Asks for details.
pub struct Details {
    pub(super) api: Arc<ApiClient>,
    pub(super) options: DetailOptions,
    at_once: Arc<Semaphore>,
    known: Mutex<Option<Known>>,
    counts: Mutex<DetailCounts>,
    failures: Mutex<Failures>,
    /// Told how many more are to be asked for, and how many of them are done.
    on_progress: Box<dyn Fn(u64, u64) + Send + Sync>,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    /// The first one's words.
    first: Option<String>,
}

/// A run to ask for.
struct Question {
    at: RowAt,
    id: String,
    /// Not before then, when its cost will be settled.
    due: Option<Instant>,
}

/// What details say about a window's rows.
#[derive(Default)]
pub(super) struct Answers {
    by_page: BTreeMap<u32, BTreeMap<u32, RunDetail>>,
    /// Cost states that their rows alone don't tell, by run.
    pub(super) states: HashMap<String, &'static str>,
}

impl Answers {
    /// A run that was listed for its status keeps it, though its detail may say another by now; how final its cost is, the
    /// detail decides.
    pub(super) fn keep_to(&mut self, statuses: &[String], settle: &SettleRule, pages: &[RecordBatch]) {
        for (page, details) in &mut self.by_page {
            let listed = Listed::of(&pages[*page as usize]);
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

impl Details {
    /// Nothing is asked yet; `known` saves asking again for what an earlier export settled.
    pub fn new(
        api: Arc<ApiClient>,
        options: DetailOptions,
        known: Option<Known>,
        on_progress: Box<dyn Fn(u64, u64) + Send + Sync>,
    ) -> Details {
        Details {
            api,
            options,
            at_once: Arc::new(Semaphore::new(options.concurrency.max(1))),
            known: Mutex::new(known),
            counts: Mutex::new(DetailCounts::of(options.mode)),
            failures: Mutex::default(),
            on_progress,
        }
    }

    /// What came of it, and the words of the first that failed.
    pub fn counts(&self) -> (DetailCounts, Option<String>) {
        (locked(&self.counts).clone(), locked(&self.failures).first.clone())
    }

    /// Asks for whatever a window's rows need. `range` is the window, `[from, to)`.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        pages: &[RecordBatch],
        rows: &[RowAt],
        range: (Millis, Millis),
    ) -> Result<Answers> {
        let mut answers = Answers::default();
        let questions = self.questions(pages, rows);
        let mut questions = self.not_known(questions, pages, range, &mut answers).await?;
        (self.on_progress)(questions.len() as u64, 0);
        questions.sort_by_key(|question| question.due);
        let mut under_way = JoinSet::new();
        for question in questions {
            while let Some(answered) = under_way.try_join_next() {
                self.take(answered.map_err(failed)??, &mut answers);
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
            self.take(answered.map_err(failed)??, &mut answers);
        }
        Ok(answers)
    }

    /// The runs to ask for, by the mode; those that will be settled in time, then.
    fn questions(&self, pages: &[RecordBatch], rows: &[RowAt]) -> Vec<Question> {
        let columns: Vec<Listed> = pages.iter().map(Listed::of).collect();
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

    /// When a run's cost will be settled that isn't yet, if it has finished and that is worth waiting for.
    fn due(&self, run: &ListedRun) -> Option<Instant> {
        let options = &self.options;
        let finished = run.finished_at_ms.filter(|_| is_terminal(run.status))?;
        let since_start = finished.saturating_add(options.settle.settle_ms) - options.settle.job_start_ms;
        let wait = Duration::from_millis(u64::try_from(since_start).ok().filter(|wait| *wait > 0)?);
        (wait <= options.wait_settled).then(|| options.job_start + wait)
    }

    /// Leaves out the questions that an earlier export has answered for good.
    async fn not_known(
        self: &Arc<Self>,
        questions: Vec<Question>,
        pages: &[RecordBatch],
        (from, to): (Millis, Millis),
        answers: &mut Answers,
    ) -> Result<Vec<Question>> {
        if questions.is_empty() || locked(&self.known).is_none() {
            return Ok(questions);
        }
        let details = self.clone();
        let known = tokio::task::spawn_blocking(move || {
            let mut known = locked(&details.known);
            known.as_mut().map_or_else(HashMap::new, |known| known(from, to))
        });
        let mut known = known.await.map_err(failed)?;
        let mut left = Vec::with_capacity(questions.len());
        for question in questions {
            let listed = Listed::of(&pages[question.at.0 as usize]);
            let listed = listed.run(question.at.1 as usize);
            match known.remove(&question.id).filter(|detail| listed.is_as_in(detail)) {
                Some(detail) if !self.options.settle.just_finished(listed.finished_at_ms) => {
                    locked(&self.counts).reused += 1;
                    answers
                        .by_page
                        .entry(question.at.0)
                        .or_default()
                        .insert(question.at.1, detail);
                }
                _ => left.push(question),
            }
        }
        Ok(left)
    }

    /// A run's detail, if it can be had; an error if nothing can.
    async fn ask(&self, id: &str) -> Result<Option<RunDetail>> {
        if locked(&self.failures).in_a_row >= FAILURES_IN_A_ROW {
            self.note_failure(id, "not asked for any more, since so many failed");
            return Ok(None);
        }
        locked(&self.counts).asked += 1;
        if !is_path_segment(id) {
            self.note_failure(id, "its ID can't stand in a URL");
            return Ok(None);
        }
        match self.api.run_detail(id).await {
            Ok(Found::Here(answered)) if answered.id == id => return Ok(Some(self.noted(answered.detail))),
            Ok(Found::Here(answered)) => self.note_failure(id, &format!("the API answered with run {}", answered.id)),
            Ok(Found::Not(404)) => locked(&self.counts).not_found += 1,
            Ok(Found::Not(status)) => self.note_failure(id, &format!("the API refused it: {status}")),
            Err(Error::NotAuthorised(problem)) => return Err(Error::NotAuthorised(problem)),
            Err(error) => self.note_failure(id, &error.to_string()),
        }
        Ok(None)
    }

    /// Takes note of an answer, of which no more is kept than is wanted.
    fn noted(&self, mut detail: RunDetail) -> RunDetail {
        locked(&self.failures).in_a_row = 0;
        let mut counts = locked(&self.counts);
        match detail.usage {
            Some(usage) => {
                counts.found += 1;
                counts.meters_disagree += u64::from(detail.metering.disagrees_with(usage));
            }
            None => counts.without_cost += 1,
        }
        if self.options.mode != DetailMode::All {
            detail.metering = Metering::default();
        }
        detail
    }

    fn note_failure(&self, id: &str, problem: &str) {
        let mut failures = locked(&self.failures);
        failures.in_a_row += u32::from(is_path_segment(id));
        failures.first.get_or_insert_with(|| format!("run {id}: {problem}"));
        let mut counts = locked(&self.counts);
        counts.failed += 1;
        if counts.failed_runs.len() < MAX_NAMED {
            counts.failed_runs.push(id.into());
        }
    }

    fn take(&self, (question, detail): (Question, Option<RunDetail>), answers: &mut Answers) {
        (self.on_progress)(0, 1);
        let Some(detail) = detail else { return };
        if question.due.is_some() && detail.usage.is_some() && self.has_settled(&detail) {
            answers.states.insert(question.id, SETTLED);
        }
        answers
            .by_page
            .entry(question.at.0)
            .or_default()
            .insert(question.at.1, detail);
    }

    /// Whether a run finished long enough ago by now, which is later than the job's start; it may have run again meanwhile.
    fn has_settled(&self, detail: &RunDetail) -> bool {
        let options = &self.options;
        let since_start = i64::try_from(options.job_start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let by_now = SettleRule {
            job_start_ms: options.settle.job_start_ms.saturating_add(since_start),
            ..options.settle
        };
        by_now.state(&detail.status, detail.finished_at_ms, true) == SETTLED
    }

    /// The pages with what was answered in its place.
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

/// How many runs of a page would be asked for.
pub fn count_needed(page: &RecordBatch, mode: DetailMode, settle: &SettleRule) -> u64 {
    let listed = Listed::of(page);
    let needed = (0..page.num_rows()).filter(|row| listed.run(*row).needs_detail(mode, settle));
    needed.count() as u64
}

fn failed(error: tokio::task::JoinError) -> Error {
    anyhow::anyhow!("asking for details failed: {error}").into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The columns of a page that decide whether a run's detail is needed.
struct Listed<'p> {
    ids: &'p arrow_array::StringArray,
    statuses: &'p arrow_array::StringArray,
    finished: &'p arrow_array::TimestampMillisecondArray,
    usages: &'p arrow_array::Decimal128Array,
}

/// A run as the list gave it.
struct ListedRun<'p> {
    id: &'p str,
    status: &'p str,
    finished_at_ms: Option<Millis>,
    usage: Option<Usd>,
}

impl<'p> Listed<'p> {
    fn of(page: &'p RecordBatch) -> Listed<'p> {
        Listed {
            ids: page.column(col::ID).as_string(),
            statuses: page.column(col::STATUS).as_string(),
            finished: page.column(col::FINISHED_AT).as_primitive::<TimestampMillisecondType>(),
            usages: page.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>(),
        }
    }

    fn run(&self, row: usize) -> ListedRun<'p> {
        ListedRun {
            id: self.ids.value(row),
            status: self.statuses.value(row),
            finished_at_ms: self.finished.is_valid(row).then(|| self.finished.value(row)),
            usage: self.usages.is_valid(row).then(|| Usd(self.usages.value(row))),
        }
    }
}

impl ListedRun<'_> {
    fn needs_detail(&self, mode: DetailMode, settle: &SettleRule) -> bool {
        match mode {
            DetailMode::None => false,
            DetailMode::All => true,
            DetailMode::Missing => match self.usage {
                None => true,
                Some(usage) => usage.0 == 0 && is_terminal(self.status) && settle.just_finished(self.finished_at_ms),
            },
        }
    }

    /// Whether an earlier export's version is this one's, so that what it knew still holds.
    fn is_as_in(&self, known: &RunDetail) -> bool {
        let same_cost = self.usage.is_none() || self.usage == known.usage;
        is_terminal(self.status)
            && self.status == known.status
            && self.finished_at_ms == known.finished_at_ms
            && same_cost
    }
}
