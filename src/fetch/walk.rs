//! Reads one window, and shows that it holds what the API counts. Walks by key (the last run's start), never by offset
//! through time: offsets skip runs when an earlier one is deleted meanwhile. It knows nothing of other windows but that a
//! cut gives the right part back to the plan.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use tokio::sync::Notify;

use super::plan::{MAX_HELD_BYTES, MAX_HELD_PAGES, Plan, Window};
use super::tally::{Received, RowAt, Tally};
use crate::api::client::{ApiClient, ListQuery, RequestError};
use crate::api::page::{Page, Rejected};
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};

/// How often a window is walked before what it holds is judged as it is.
const WALKS: u32 = 3;
/// How often one overfull millisecond is read at most, alternately up and down.
const TIE_ROUNDS: u32 = 32;
/// After how many rounds in a row that brought nothing new it is left at that.
const STALE_TIE_ROUNDS: u32 = 4;
/// After how many pages in a row that brought nothing new in the first round it is taken that `offset` is ignored.
const STALE_TIE_PAGES: u32 = 3;

/// Pages of the run list, sensible ones: a page with items that make no sense is asked for once more.
#[derive(Debug)]
pub struct Lister {
    /// The API.
    pub api: Arc<ApiClient>,
    /// The statuses that are asked for; all if empty.
    pub statuses: Vec<String>,
    /// Whether items that make no sense are taken out instead of ending the job.
    pub allow_incomplete: bool,
    /// The period, `[from, to)`: what lies outside of it may make no sense.
    pub period: (Millis, Millis),
}

impl Lister {
    /// The page at `offset` of the runs that started in `[after, before]`.
    pub async fn page(&self, after: Millis, before: Millis, offset: u64, desc: bool) -> Result<Page> {
        match self.list(after, before, offset, desc, false).await {
            Ok(page) => Ok(page),
            Err(RequestError::Failed(error)) => Err(error),
            Err(RequestError::TooHeavy) => unreachable!("only a narrowable query is refused as too heavy"),
        }
    }

    /// The first page of the same, if the server doesn't find that too heavy.
    pub async fn first_page(&self, after: Millis, before: Millis) -> Result<Page, RequestError> {
        self.list(after, before, 0, false, before - after > 2).await
    }

    async fn list(
        &self,
        after: Millis,
        before: Millis,
        offset: u64,
        desc: bool,
        narrowable: bool,
    ) -> Result<Page, RequestError> {
        let query = ListQuery {
            after,
            before,
            offset,
            desc,
            statuses: &self.statuses,
            narrowable,
        };
        let page = self.api.list_runs(&query).await?;
        if self.senseless(&page).is_none() {
            return Ok(page);
        }
        let again = self.api.list_runs(&query).await?;
        match self.senseless(&again) {
            Some(rejected) if !self.allow_incomplete => Err(RequestError::Failed(senseless(rejected, after, before))),
            _ => Ok(again),
        }
    }

    /// The first item of a page that makes no sense and may belong to the period.
    fn senseless<'p>(&self, page: &'p Page) -> Option<&'p Rejected> {
        let (from, to) = self.period;
        let mut rejected = page.rejected.iter();
        rejected.find(|rejected| rejected.started_at_ms.is_none_or(|at| (from..to).contains(&at)))
    }
}

fn senseless(rejected: &Rejected, after: Millis, before: Millis) -> Error {
    let run = rejected
        .id
        .as_ref()
        .map_or("a run without a readable id".to_string(), |id| format!("run {id}"));
    Error::Untrusted(format!(
        "{run}, listed between {} and {}: its {} {}, also when asked again; --allow-incomplete takes such runs out",
        format_instant(after),
        format_instant(before),
        rejected.field,
        rejected.problem
    ))
}

/// What has been learned of how this server reads its parameters.
#[derive(Debug, Default)]
pub struct ServerTraits {
    /// `startedAfter` leaves out the runs of that very millisecond.
    exclusive: AtomicBool,
    /// `startedBefore` has no effect.
    before_ignored: AtomicBool,
}

/// A window that has been read.
#[derive(Debug)]
pub struct WalkedWindow {
    /// Its first millisecond.
    pub from: Millis,
    /// The first millisecond after it.
    pub to: Millis,
    /// Its pages, in the decoded schema.
    pub pages: Vec<RecordBatch>,
    /// Its runs, one an ID, by `(started_at, id)`: page and row.
    pub rows: Vec<RowAt>,
    /// Runs in it by the API's count.
    pub counted: u64,
    /// Runs in it that were received, one an ID, sensible or not.
    pub fetched: u64,
    /// Runs in it that the API lists under more than one start, beside the one that is kept.
    pub moved: u64,
    /// Distinct runs received that lie outside of it, before and after, and that a count of it includes: bounds are
    /// inclusive, and it is asked for a millisecond wider at the left.
    pub outside: (u64, u64),
    /// Items listed more than once.
    pub listed_twice: u64,
    /// Whether as many were received as are counted.
    pub proven: bool,
    /// What was unusual.
    pub notes: Vec<String>,
    /// Whether that is something the reader of a figure must know.
    pub changed_meanwhile: bool,
    /// Items of it that make no sense as a run.
    pub rejected: Vec<Rejected>,
    /// Known fields of a wrong type in its runs.
    pub mistyped: u64,
}

/// What one walk through a window has received.
#[derive(Default)]
struct Reading {
    pages: Vec<Received>,
    /// The API's count of the window, a millisecond wider at both ends.
    counted: Option<u64>,
    /// Runs of overfull milliseconds that were counted and not received.
    missing_ties: u64,
    /// Why the walk could not go on.
    failure: Option<&'static str>,
    /// Its one page is the whole list, also beyond the window if the server ignores bounds.
    whole: bool,
}

/// An overfull millisecond while it is read.
struct Tie {
    m: Millis,
    /// What it is asked for with.
    after: Millis,
    before: Millis,
    /// The most that it ever counted: runs that are deleted meanwhile must not make up for ones that are skipped.
    counted: u64,
    /// ID and start of what was received.
    seen: HashSet<(String, Millis)>,
}

impl Tie {
    fn missing(&self) -> u64 {
        self.counted.saturating_sub(self.seen.len() as u64)
    }
}

impl Reading {
    /// What counts towards the window: all of a list that came whole, else what its count includes.
    fn tally(&self, window: &Window) -> Tally {
        let (from, until) = if self.whole {
            (Millis::MIN, Millis::MAX)
        } else {
            (window.from - 1, window.to)
        };
        Tally::of(&self.pages, from, until)
    }
}

/// Walks windows of one period.
pub struct Walker {
    /// Where pages come from.
    pub lister: Lister,
    /// What is left to be read.
    pub plan: Mutex<Plan>,
    /// What has been learned of the server.
    pub traits: ServerTraits,
    /// Told that the plan has got more windows.
    pub plan_grew: Notify,
    /// Told of each page's items.
    pub on_items: Box<dyn Fn(u64) + Send + Sync>,
    /// How large pages are in memory.
    pub page_size: PageSize,
}

/// The mean size of a page in memory.
#[derive(Debug, Default)]
pub struct PageSize {
    pages: AtomicU64,
    bytes: AtomicU64,
}

impl PageSize {
    /// Takes note of a page.
    pub fn note(&self, page: &Page) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let bytes = page.runs.get_array_memory_size() as u64;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many pages may be held in memory at once.
    pub fn max_held_pages(&self) -> u64 {
        let pages = self.pages.load(Ordering::Relaxed);
        let mean = self.bytes.load(Ordering::Relaxed) / pages.max(1);
        (MAX_HELD_BYTES / mean.max(1)).clamp(1, MAX_HELD_PAGES)
    }
}

impl Walker {
    /// Reads a window, from the page in hand if there is one, until it holds what the API counts; after three walks it is
    /// judged as it is.
    pub async fn walk(&self, mut window: Window, mut hand: Option<Page>) -> Result<WalkedWindow> {
        let mut why = "";
        for walk in 1..=WALKS {
            let reading = self.read(&mut window, hand.take(), walk == 1).await?;
            let tally = reading.tally(&window);
            let counted = reading.counted.unwrap_or_else(|| tally.distinct());
            if reading.failure.is_none() && (tally.distinct()..=tally.received).contains(&counted) {
                return Ok(walked(&window, reading, tally, counted, None));
            }
            why = reading.failure.unwrap_or(why);
            if walk == WALKS {
                return self.judge(&window, reading, tally, counted, why).await;
            }
        }
        unreachable!("the last walk is judged")
    }

    /// A window of which no walk held what was counted before it: one more count tells whether runs went or came meanwhile.
    async fn judge(
        &self,
        window: &Window,
        reading: Reading,
        tally: Tally,
        counted: u64,
        why: &str,
    ) -> Result<WalkedWindow> {
        let again = self.count(window.from - 1, window.to).await?;
        let received = tally.distinct();
        let name = name(window);
        if reading.failure.is_none() && received >= again {
            let note = format!(
                "{name}: runs were deleted, or came, while it was read: the API counted {counted}, then {again}; {received} were received"
            );
            return Ok(WalkedWindow {
                changed_meanwhile: true,
                ..walked(window, reading, tally, again, Some(note))
            });
        }
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        let problem =
            format!("{name}: the API counts {again} runs, and {received} were received in {WALKS} walks{why}");
        if !self.lister.allow_incomplete {
            return Err(Error::Untrusted(problem));
        }
        Ok(WalkedWindow {
            proven: false,
            ..walked(window, reading, tally, again.max(counted), Some(problem))
        })
    }

    /// How many runs the API counts in `[after, before]`.
    pub async fn count(&self, after: Millis, before: Millis) -> Result<u64> {
        let page = self.lister.page(after, before, 0, false).await?;
        let whole = page.is_last();
        if !whole && page.started_at_ms().iter().any(|start| *start > before) {
            self.traits.before_ignored.store(true, Ordering::Relaxed);
        }
        let beyond = if whole { 0 } else { self.counted_beyond(before).await? };
        Ok(page.total.saturating_sub(beyond))
    }

    /// Runs after an instant that a count up to it includes all the same, because `startedBefore` is ignored.
    pub async fn counted_beyond(&self, before: Millis) -> Result<u64> {
        if !self.traits.before_ignored.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let after = if self.exclusive() { before } else { before + 1 };
        Ok(self
            .lister
            .page(after, self.lister.period.1.max(before + 1), 0, false)
            .await?
            .total)
    }

    /// One walk.
    async fn read(&self, window: &mut Window, hand: Option<Page>, first_walk: bool) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut lo = window.from - 1;
        let mut page = match hand {
            Some(page) => page,
            None => self.narrowed_page(window, lo, &mut reading).await?,
        };
        reading.counted = Some(page.total);
        if page.is_last() {
            // All that matches is here, so it serves whatever its order and range.
            reading.whole = true;
            self.receive(&mut reading, page);
            return Ok(reading);
        }
        if first_walk {
            self.plan().learned(window, page.total);
        }
        loop {
            if let Some(failure) = disorder(&page, lo) {
                reading.failure = Some(failure);
                return Ok(reading);
            }
            let (last, latest, remaining) = (
                page.is_last(),
                page.latest_ms(),
                page.total.saturating_sub(page.items()),
            );
            let full = page.items() >= page.capacity();
            self.receive(&mut reading, page);
            if latest.is_some_and(|ms| ms > window.to) {
                self.note_before_ignored();
                break;
            }
            if last {
                break;
            }
            let Some(m) = latest else {
                reading.failure = Some("a page holds no run that can be placed in time");
                return Ok(reading);
            };
            // A run of the very millisecond that was asked for came back: whatever is believed, here the bound is inclusive.
            let exclusive = i64::from(self.exclusive() && m > lo);
            let mut next = m - exclusive;
            if next <= lo {
                self.read_tie(m, m - exclusive, &mut reading).await?;
                next = m + 1 - exclusive;
            }
            if next > window.to {
                break;
            }
            if first_walk && full && !self.traits.before_ignored.load(Ordering::Relaxed) {
                self.cut_if_too_full(window, &mut reading, m, remaining);
            }
            (page, lo) = self.next_page(window, next, m, &mut reading).await?;
            if reading.counted.is_none() {
                let covered_from = lo + i64::from(self.exclusive());
                let before = reading.tally(window).distinct_before(covered_from) + reading.missing_ties;
                reading.counted = Some(before + page.total);
            }
        }
        let beyond = self.counted_beyond(window.to).await?;
        reading.counted = reading.counted.map(|counted| counted.saturating_sub(beyond));
        Ok(reading)
    }

    /// The page from `next` on, and where it was asked from; settles whether bounds are inclusive by whether the runs of
    /// `m`, the last millisecond read, come back.
    async fn next_page(
        &self,
        window: &mut Window,
        next: Millis,
        m: Millis,
        reading: &mut Reading,
    ) -> Result<(Page, Millis)> {
        let exclusive = self.exclusive();
        let page = self.narrowed_page(window, next, reading).await?;
        let came_back = page.holds(next);
        if !exclusive && next == m && !came_back {
            self.traits.exclusive.store(true, Ordering::Relaxed);
            return Ok((self.narrowed_page(window, m - 1, reading).await?, m - 1));
        }
        if exclusive && came_back {
            self.traits.exclusive.store(false, Ordering::Relaxed);
        }
        Ok((page, next))
    }

    /// Asks for a window's runs from `after` on; halves the window for as long as the server finds that too heavy.
    async fn narrowed_page(&self, window: &mut Window, after: Millis, reading: &mut Reading) -> Result<Page> {
        loop {
            match self.lister.first_page(after, window.to).await {
                Ok(page) => return Ok(page),
                Err(RequestError::Failed(error)) => return Err(error),
                Err(RequestError::TooHeavy) => {
                    let middle = after + (window.to - after) / 2 + 1;
                    self.give_back(window, middle, None);
                    reading.counted = None;
                }
            }
        }
    }

    /// Cuts a window that holds too many pages: the left part keeps what has been read and is counted anew with its next
    /// page.
    fn cut_if_too_full(&self, window: &mut Window, reading: &mut Reading, m: Millis, remaining: u64) {
        let (aim, max) = {
            let plan = self.plan();
            (plan.aim_pages(), plan.max_pages())
        };
        let items = reading.pages.first().map_or(1, |page| page.page.capacity());
        let read: u64 = reading.pages.iter().map(|page| page.page.items()).sum();
        if read + remaining <= max * items {
            return;
        }
        let wanted = (aim * items).saturating_sub(read).max(items);
        if let Some(cut) = Plan::cut(m, window.to, remaining, wanted) {
            self.give_back(window, cut, Some(remaining.saturating_sub(wanted)));
            reading.counted = None;
        }
    }

    fn give_back(&self, window: &mut Window, cut: Millis, count: Option<u64>) {
        self.plan().give_back(cut, window.to, count);
        window.to = cut;
        self.plan_grew.notify_one();
    }

    /// Reads a millisecond that holds more than a page, by offset, up and down, until as many runs as it counts are there;
    /// the order of ties is nowhere promised. `after` is known to include its runs; whether `startedBefore` does turns out.
    async fn read_tie(&self, m: Millis, after: Millis, reading: &mut Reading) -> Result<()> {
        let mut tie = Tie {
            m,
            after,
            before: m,
            counted: 0,
            seen: HashSet::new(),
        };
        let mut stale_rounds = 0;
        for round in 0..TIE_ROUNDS {
            let seen_before = tie.seen.len();
            let goes_on = self.read_tie_round(&mut tie, round, reading).await?;
            stale_rounds = if tie.seen.len() > seen_before {
                0
            } else {
                stale_rounds + 1
            };
            if !goes_on || tie.missing() == 0 || stale_rounds == STALE_TIE_ROUNDS {
                break;
            }
        }
        reading.missing_ties += tie.missing();
        Ok(())
    }

    /// Reads it once by offset, up or down; false if it is no use to do so again.
    async fn read_tie_round(&self, tie: &mut Tie, round: u32, reading: &mut Reading) -> Result<bool> {
        let (mut offset, mut stale_pages) = (0, 0);
        loop {
            let page = self.lister.page(tie.after, tie.before, offset, round % 2 == 1).await?;
            if tie.before == tie.m && offset == 0 && !page.holds(tie.m) {
                tie.before = tie.m + 1;
                continue;
            }
            let (items, is_full) = (page.items(), page.items() >= page.capacity());
            let is_beyond = page.latest_ms().is_some_and(|ms| ms > tie.before);
            tie.counted = tie.counted.max(page.total);
            let new = page
                .identities()
                .map(|run| tie.seen.insert(run))
                .filter(|new| *new)
                .count();
            stale_pages = if new > 0 { 0 } else { stale_pages + 1 };
            self.receive(reading, page);
            if is_beyond {
                self.note_before_ignored();
                // It counts everything after it too, which says nothing of it.
                tie.counted = 0;
                return Ok(false);
            }
            if round == 0 && stale_pages == STALE_TIE_PAGES {
                return Ok(false);
            }
            // From the third round on, pages overlap by half, should the order change from one to the next.
            offset += if round < 2 { items } else { items.div_ceil(2) };
            // Where the count is too low, full pages say that there is more.
            if items == 0 || (offset >= tie.counted && (!is_full || stale_pages >= STALE_TIE_PAGES)) {
                return Ok(true);
            }
        }
    }

    fn receive(&self, reading: &mut Reading, page: Page) {
        (self.on_items)(page.items());
        self.page_size.note(&page);
        let reread_until = reading
            .pages
            .iter()
            .filter_map(|page| page.page.latest_ms())
            .max()
            .unwrap_or(Millis::MIN);
        reading.pages.push(Received { page, reread_until });
    }

    fn note_before_ignored(&self) {
        if !self.traits.before_ignored.swap(true, Ordering::Relaxed) {
            let (from, to) = self.lister.period;
            self.plan().spread_evenly(to - from);
        }
    }

    fn exclusive(&self) -> bool {
        self.traits.exclusive.load(Ordering::Relaxed)
    }

    /// What is left to be read.
    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a page can't be the one that was asked for: the order or `startedAfter` is ignored.
fn disorder(page: &Page, lo: Millis) -> Option<&'static str> {
    let starts = page.started_at_ms();
    if !starts.is_sorted() {
        Some("a page is not in ascending order of startedAt")
    } else if starts.first().is_some_and(|first| *first < lo) {
        Some("a page begins before startedAfter")
    } else {
        None
    }
}

/// A window in messages.
fn name(window: &Window) -> String {
    let (from, to) = (format_instant(window.from), format_instant(window.to));
    format!("window {from} to {to}")
}

/// A window as it goes on: its runs cut to it, its count without what lies a millisecond outside.
fn walked(window: &Window, reading: Reading, tally: Tally, counted: u64, note: Option<String>) -> WalkedWindow {
    let inside = |at: Option<Millis>| at.is_none_or(|at| (window.from..window.to).contains(&at));
    let rows = tally.rows_in(&reading.pages, window.from, window.to);
    let distinct = tally.distinct();
    let rejected: Vec<_> = tally
        .rejected
        .iter()
        .filter(|rejected| inside(rejected.started_at_ms))
        .cloned()
        .collect();
    let received = (tally.rows.iter().filter(|row| inside(Some(row.0))).count() + rejected.len()) as u64;
    let before = tally.distinct_before(window.from).min(distinct - received);
    let outside = (before, distinct - received - before);
    let fetched = (rows.len() + rejected.len()) as u64;
    let moved = received - fetched;
    // Where a note says that the counts differ, the difference isn't repetitions.
    let listed_twice = if note.is_some() {
        0
    } else {
        counted.saturating_sub(distinct)
    };
    let name = name(window);
    let mut notes: Vec<String> = note.into_iter().collect();
    if listed_twice > 0 {
        notes.push(format!(
            "{name}: the API lists {listed_twice} of its items more than once; each run is here once"
        ));
    }
    if moved > 0 {
        notes.push(format!(
            "{name}: the API lists {moved} of its runs under another start too; each is here once"
        ));
    }
    let mistyped = mistyped_in(&reading.pages, &rows);
    WalkedWindow {
        from: window.from,
        to: window.to,
        pages: reading.pages.into_iter().map(|received| received.page.runs).collect(),
        rows,
        counted: counted.saturating_sub(outside.0 + outside.1),
        fetched,
        moved,
        outside,
        listed_twice,
        proven: true,
        notes,
        changed_meanwhile: false,
        rejected,
        mistyped,
    }
}

/// Known fields of a wrong type among the rows that are kept.
fn mistyped_in(pages: &[Received], rows: &[RowAt]) -> u64 {
    if pages.iter().all(|page| page.page.mistyped.is_empty()) {
        return 0;
    }
    let count = |(page, row): &RowAt| {
        pages[*page as usize]
            .page
            .mistyped
            .iter()
            .filter(|at| *at == row)
            .count() as u64
    };
    rows.iter().map(count).sum()
}
