//! Makes windows ready to be written: keeps the rows that the filters leave, fetches their names and details. Several
//! windows at once, handed on in their order; nothing here writes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::details::{Details, Question};
use super::list_sample::ListSample;
use super::names::NameBook;
use super::tally::RowAt;
use super::window::WalkedWindow;
use crate::error::{Error, Result};
use crate::period::Millis;
use crate::provenance::Filters;
use crate::runs::detail::RunDetail;
use crate::runs::schema::col;

/// Windows that are made ready at once at least: while one waits for its last details, the next one's are fetched.
const MIN_AT_ONCE: usize = 2;
/// More of them while they have fewer pages than this together: small windows have few details. Of several accounts, each
/// may hold so many pages beyond its share.
const MIN_PAGES_AT_ONCE: u64 = 8;

/// How many pages each page of a window counts for in addition while the window waits for details. Details come slower than
/// pages by far: without it, all of the memory would fill with pages that wait, and reading them early gains nothing.
const WAITING_WEIGHT: u64 = 2;

/// Details of an earlier export or lake that are final, of the runs with these IDs that started in `[from, to)`. Called
/// window by window, in time order.
pub type KnownDetails = Box<dyn FnMut(&HashSet<String>, Millis, Millis) -> HashMap<String, RunDetail> + Send>;

#[derive(Debug)]
pub struct ReadyWindow {
    /// In the decoded schema, with the columns of details if all were wanted.
    pub pages: Vec<RecordBatch>,
    /// Its runs that the filters leave, by `(started_at, id)`.
    pub rows: Vec<RowAt>,
    /// Cost states that don't follow from the rows alone, by run.
    pub states: HashMap<String, &'static str>,
}

pub struct Enrichment {
    pub filters: Filters,
    pub names: Arc<NameBook>,
    pub details: Arc<Details>,
    /// Chooses runs by the list's costs, before details take their place.
    pub sample: Option<ListSample>,
    /// Pages that are held here and in the channel behind, for [`PeriodFetch::with_backpressure`](super::PeriodFetch).
    pub held: Arc<AtomicU64>,
}

impl Enrichment {
    /// Takes windows until there are no more, and sends them on in the same order. What is `known` isn't fetched again. Returns
    /// the sample, if one was wanted.
    pub async fn run(
        mut self,
        mut known: Option<KnownDetails>,
        mut windows: mpsc::Receiver<WalkedWindow>,
        out: mpsc::Sender<ReadyWindow>,
    ) -> Result<Option<ListSample>> {
        let mut sample = self.sample.take();
        // No row is written before the names are known that it may have.
        self.names.fetch_lists().await;
        let enrichment = Arc::new(self);
        let mut queue = WindowQueue::default();
        let mut open = true;
        let mut in_channel = 0;
        while open || !queue.0.is_empty() {
            tokio::select! {
                biased;
                ready = queue.first(), if !queue.0.is_empty() => {
                    queue.0.pop_front();
                    let ready = ready.map_err(|error| anyhow::anyhow!("completing a window failed: {error}"))??;
                    let pages = ready.pages.len() as u64;
                    if out.send(ready).await.is_err() {
                        return Err(Error::Other(anyhow::anyhow!("the writer has stopped")));
                    }
                    // The channel has room for one window, so the one before has left it.
                    enrichment.held.fetch_sub(in_channel, Ordering::Relaxed);
                    in_channel = pages;
                }
                window = windows.recv(), if open && !queue.is_full() => match window {
                    Some(window) => {
                        let pages = window.pages.len() as u64;
                        enrichment.held.fetch_add(pages, Ordering::Relaxed);
                        let rows = matching_rows(&window, &enrichment.filters);
                        sample.iter_mut().for_each(|sample| sample.add(&window.pages, &rows));
                        let questions = enrichment.details.questions(&window.pages, &rows);
                        // Here, since it is read in time order; requests of several windows may overtake each other.
                        let found = look_up(&mut known, &questions, (window.from, window.to)).await?;
                        let ready = enrichment.clone().ready(window, rows, questions, found);
                        queue.0.push_back((pages, tokio::spawn(ready)));
                    }
                    None => open = false,
                },
            }
        }
        Ok(sample)
    }

    async fn ready(
        self: Arc<Self>,
        window: WalkedWindow,
        rows: Vec<RowAt>,
        questions: Vec<Question>,
        known: HashMap<String, RunDetail>,
    ) -> Result<ReadyWindow> {
        self.names.fetch_missing(&window.pages, &rows).await;
        let weight = WAITING_WEIGHT * window.pages.len() as u64;
        self.held.fetch_add(weight, Ordering::Relaxed);
        let answers = self.details.fetch(&window.pages, questions, known).await;
        self.held.fetch_sub(weight, Ordering::Relaxed);
        let mut answers = answers?;
        answers.keep_to(&self.filters.status, &self.details.options.settle, &window.pages);
        Ok(ReadyWindow {
            pages: self.details.applied(window.pages, &answers),
            rows,
            states: answers.states,
        })
    }
}

/// Windows that are being made ready, and how many pages each has. Their requests end with it.
#[derive(Default)]
struct WindowQueue(VecDeque<(u64, JoinHandle<Result<ReadyWindow>>)>);

impl WindowQueue {
    async fn first(&mut self) -> Result<Result<ReadyWindow>, tokio::task::JoinError> {
        let (_, window) = self.0.front_mut().expect("it is not empty");
        window.await
    }

    fn is_full(&self) -> bool {
        let pages: u64 = self.0.iter().map(|(pages, _)| pages).sum();
        self.0.len() >= MIN_AT_ONCE && pages >= MIN_PAGES_AT_ONCE
    }
}

impl Drop for WindowQueue {
    fn drop(&mut self) {
        self.0.iter().for_each(|(_, window)| window.abort());
    }
}

async fn look_up(
    known: &mut Option<KnownDetails>,
    questions: &[Question],
    (from, to): (Millis, Millis),
) -> Result<HashMap<String, RunDetail>> {
    let Some(mut details) = known.take_if(|_| !questions.is_empty()) else {
        return Ok(HashMap::new());
    };
    let ids: HashSet<String> = questions.iter().map(|question| question.id.clone()).collect();
    let reading = tokio::task::spawn_blocking(move || (details(&ids, from, to), details));
    let read = reading.await;
    let (found, details) = read.map_err(|error| anyhow::anyhow!("reading the existing export failed: {error}"))?;
    *known = Some(details);
    Ok(found)
}

/// The rows of a window that the filters leave.
fn matching_rows(window: &WalkedWindow, filters: &Filters) -> Vec<RowAt> {
    if filters.is_empty() {
        return window.rows.clone();
    }
    let matches = |column: usize, list: &[String], (page, row): RowAt| {
        let values = window.pages[page as usize].column(column).as_string::<i32>();
        let row = row as usize;
        list.is_empty() || (values.is_valid(row) && list.iter().any(|wanted| wanted == values.value(row)))
    };
    // Statuses were asked of the server too, which may ignore that.
    let wanted = |at: &RowAt| {
        matches(col::STATUS, &filters.status, *at)
            && matches(col::ACT_ID, &filters.actor, *at)
            && matches(col::ACTOR_TASK_ID, &filters.task, *at)
    };
    window.rows.iter().copied().filter(wanted).collect()
}
