//! Makes windows ready to be written: left with the runs that are wanted, with names and details fetched for those. Several
//! at once, handed on in their order; nothing here writes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::fetch::details::{Details, Question};
use crate::fetch::names::NameBook;
use crate::fetch::tally::RowAt;
use crate::fetch::window::WalkedWindow;
use crate::period::Millis;
use crate::provenance::Filters;
use crate::runs::detail::RunDetail;
use crate::runs::schema::col;

/// Windows that are made ready at once: while one waits for its last details, the next one's are under way.
const AT_ONCE: usize = 2;
/// And more of them while all of these have fewer pages than that: in small windows are few details. Of many accounts at work, each
/// may hold so many beyond its share.
const PAGES_AT_ONCE: u64 = 8;

/// How much more a page counts while its window waits for details.
const WAITING_WEIGHT: u64 = 2;

/// What an earlier export knows for good of the runs of these IDs that started in `[from, to)`. Asked window by window, in
/// time order.
pub type Known = Box<dyn FnMut(&HashSet<String>, Millis, Millis) -> HashMap<String, RunDetail> + Send>;

/// A window that is ready.
#[derive(Debug)]
pub struct ReadyWindow {
    /// Its pages, in the decoded schema, with the columns of details if all were wanted.
    pub pages: Vec<RecordBatch>,
    /// Its runs that are wanted, by `(started_at, id)`: page and row.
    pub rows: Vec<RowAt>,
    /// Cost states that their rows alone don't tell, by run.
    pub states: HashMap<String, &'static str>,
}

/// What windows are made ready with.
pub struct Readying {
    /// Runs to leave out.
    pub filters: Filters,
    /// Names.
    pub names: Arc<NameBook>,
    /// Details.
    pub details: Arc<Details>,
    /// Pages that are held here, and one window's beyond.
    pub held: Arc<AtomicU64>,
}

impl Readying {
    /// Takes windows as they come, until there are no more, and hands them on in the same order. What is `known` isn't asked
    /// for again.
    pub async fn run(
        self,
        mut known: Option<Known>,
        mut windows: mpsc::Receiver<WalkedWindow>,
        out: mpsc::Sender<ReadyWindow>,
    ) -> Result<()> {
        // No row is written before the names are known that it may have.
        self.names.fetch_lists().await;
        let readying = Arc::new(self);
        let mut under_way = UnderWay::default();
        let mut open = true;
        let mut on_its_way = 0;
        while open || !under_way.0.is_empty() {
            tokio::select! {
                biased;
                ready = async { (&mut under_way.0.front_mut().expect("it is not empty").1).await }, if !under_way.0.is_empty() => {
                    under_way.0.pop_front();
                    let ready = ready.map_err(|error| anyhow::anyhow!("completing a window failed: {error}"))??;
                    let pages = ready.pages.len() as u64;
                    if out.send(ready).await.is_err() {
                        return Err(Error::Other(anyhow::anyhow!("the writer has stopped")));
                    }
                    // There is room for one on its way, so the one before it has been taken.
                    readying.held.fetch_sub(on_its_way, Ordering::Relaxed);
                    on_its_way = pages;
                }
                window = windows.recv(), if open && !under_way.is_full() => match window {
                    Some(window) => {
                        let pages = window.pages.len() as u64;
                        readying.held.fetch_add(pages, Ordering::Relaxed);
                        let rows = wanted(&window, &readying.filters);
                        let questions = readying.details.questions(&window.pages, &rows);
                        // In order, which it is read in: the windows' other questions may overtake each other.
                        let answered = answered(&mut known, &questions, (window.from, window.to)).await?;
                        let ready = readying.clone().ready(window, rows, questions, answered);
                        under_way.0.push_back((pages, tokio::spawn(ready)));
                    }
                    None => open = false,
                },
            }
        }
        Ok(())
    }

    async fn ready(
        self: Arc<Self>,
        window: WalkedWindow,
        rows: Vec<RowAt>,
        questions: Vec<Question>,
        known: HashMap<String, RunDetail>,
    ) -> Result<ReadyWindow> {
        self.names.fetch_missing(&window.pages, &rows).await;
        // While details are what everything waits for, reading far ahead would only fill memory.
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

/// Windows that are being made ready, and how many pages each has; what is asked for them ends with whoever wants them.
#[derive(Default)]
struct UnderWay(VecDeque<(u64, JoinHandle<Result<ReadyWindow>>)>);

impl UnderWay {
    fn is_full(&self) -> bool {
        let pages: u64 = self.0.iter().map(|(pages, _)| pages).sum();
        self.0.len() >= AT_ONCE && pages >= PAGES_AT_ONCE
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.iter().for_each(|(_, window)| window.abort());
    }
}

/// What an earlier export knows of the runs to ask for.
async fn answered(
    known: &mut Option<Known>,
    questions: &[Question],
    (from, to): (Millis, Millis),
) -> Result<HashMap<String, RunDetail>> {
    if questions.is_empty() {
        return Ok(HashMap::new());
    }
    let Some(mut asked) = known.take() else {
        return Ok(HashMap::new());
    };
    let ids: HashSet<String> = questions.iter().map(|question| question.id.clone()).collect();
    let reading = tokio::task::spawn_blocking(move || {
        let answered = asked(&ids, from, to);
        (asked, answered)
    });
    let (asked, answered) = reading
        .await
        .map_err(|error| anyhow::anyhow!("reading the export that is there failed: {error}"))?;
    *known = Some(asked);
    Ok(answered)
}

/// The rows of a window that the filters leave.
fn wanted(window: &WalkedWindow, filters: &Filters) -> Vec<RowAt> {
    if filters.is_empty() {
        return window.rows.clone();
    }
    let matches = |column: usize, list: &[String], (page, row): RowAt| {
        let values = window.pages[page as usize].column(column).as_string::<i32>();
        let row = row as usize;
        list.is_empty() || (values.is_valid(row) && list.iter().any(|wanted| wanted == values.value(row)))
    };
    // Statuses were asked of the server, but not every server heeds what it is asked.
    let wanted = |at: &RowAt| {
        matches(col::STATUS, &filters.status, *at)
            && matches(col::ACT_ID, &filters.actor, *at)
            && matches(col::ACTOR_TASK_ID, &filters.task, *at)
    };
    window.rows.iter().copied().filter(wanted).collect()
}
