//! `sync`: brings a lake up to date. What is asked for is planned, read month by month as any period is, and put into the
//! table one commit a step, so that a sync that ends early has lost nothing of what it had committed.

mod changes;
mod known;
mod plan;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use changes::ChangesFile;
use plan::{Asking, Plan, Step};
use serde_json::{Map, json};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::aside::{Aside, folder_of};
use super::export::JobStart;
use super::source::Connection;
use super::write::parquet_paths;
use super::{Stop, Surroundings, print, say};
use crate::api::ask::RequestError;
use crate::cli::{Details, Optimize, SyncArgs};
use crate::error::{Error, Result};
use crate::fetch::names::NameBook;
use crate::fetch::{Known, Lister};
use crate::lake::columns::{LakeColumns, month_of};
use crate::lake::tally::{OnChange, Tally, Watched};
use crate::lake::upsert::{Merged, Seen};
use crate::lake::{Found, Location, Moment, State, Table};
use crate::money::ratio_6_places;
use crate::output::publish::{Destination, Staging};
use crate::period::{Edge, Millis, Period, PeriodSpec, format_instant, parse_instant};
use crate::report::dimension::Dimensions;
use crate::report::synced::{self, MonthMoved, Synced};
use crate::report::terminal::Look;
use crate::statement::{Account, Filters};
use crate::text::counted;

const DAY_MS: Millis = 86_400_000;
/// How far the API's clock may be behind the one that the last sync went by: servers differ a little.
const CLOCK_SLACK_MS: Millis = 60_000;
/// How often a step is merged anew because another process has committed meanwhile.
const COMMIT_ATTEMPTS: usize = 6;
/// How far proof must have grown to be worth a commit of its own.
const WORTH_NOTING_MS: Millis = DAY_MS;
/// Fewer runs than these may all be gone, since owners delete them.
const FEW_RUNS: u64 = 10;
/// How long before the last sync files are left alone when small ones are put together, and how many make it worth it.
const KEEP_RECENT_MS: Millis = 7 * DAY_MS;
const MANY_FILES: usize = 8;

/// Most runs of a commit that spans months.
const MAX_STEP_RUNS: u64 = 250_000;
/// Most windows that a commit tells of.
const MAX_TOLD_WINDOWS: usize = 50;

/// Runs the job.
pub async fn run(args: SyncArgs, surroundings: Surroundings) -> Result<()> {
    args.costs.check().map_err(Error::Usage)?;
    let (text, handle) = (args.lake.clone(), Handle::current());
    let location = Stop::run(move |_| Location::open_to_write(&text, handle)).await?;
    let connection = Connection::open(&args.source, args.costs.detail_rate, &surroundings).await?;
    let retention = connection.ask_retention();
    let account = connection.account().await;
    let now_ms = match connection.api.server_time_ms() {
        Some(now_ms) => now_ms,
        None => connection.clock_ms(&surroundings),
    };
    let job_start = JobStart {
        ms: now_ms,
        at: Instant::now(),
    };
    let retention_days = retention.await.unwrap_or_else(|error| Err(error.to_string()));
    if let Err(why) = &retention_days {
        say(&format!(
            "apify-runs: warning: how many days Apify keeps runs is not known, so gaps can't be told: {why}"
        ));
    }
    let changes = args.changes.as_deref().map(ChangesFile::create).transpose()?;
    let job = Arc::new(Job {
        asking: Asking {
            now_ms,
            since_ms: args.since.map(instant_of).transpose()?,
            lookback_ms: i64::try_from(args.lookback.as_millis()).unwrap_or(i64::MAX),
            resweep: args.resweep,
            retention_days: retention_days.ok(),
        },
        names: Arc::new(NameBook::new(
            (!args.no_names).then(|| connection.api.clone()),
            connection.spare.clone(),
        )),
        changes: Mutex::new(changes),
        job_start,
        account,
        location,
        connection,
        args,
    });
    let (table, plan) = job.clone().begin().await?;
    let mut done = Done::new(table);
    let mut scratch = Destination::acquire(&job.folder())?;
    let scratch = scratch.stage()?;
    let short = job.short(&plan).await?;
    for step in plan.steps(|period| short.contains(&period)) {
        let on_terminal = surroundings.stderr_is_terminal && !job.args.quiet && !step.is_again;
        done = job.clone().step(done, step, scratch.path(), on_terminal).await?;
    }
    drop(scratch);
    if let Some(changes) = job.changes.lock().expect("nobody panics while holding it").take() {
        changes.publish()?;
    }
    let (done, optimized) = job.clone().tidy(done).await?;
    job.tell(&done, &plan, optimized, &surroundings)
}

fn instant_of(edge: Edge) -> Result<Millis> {
    // One end of a period whose other end doesn't matter.
    let far = crate::period::parse_edge("9999-01-01")?;
    let spec = PeriodSpec::FromTo { from: edge, to: far };
    Ok(spec.resolve(chrono_tz::UTC, crate::period::LAST_INSTANT)?.from)
}

/// What is to be done, and with what.
struct Job {
    args: SyncArgs,
    asking: Asking,
    job_start: JobStart,
    account: Option<Account>,
    location: Location,
    connection: Connection,
    names: Arc<NameBook>,
    changes: Mutex<Option<ChangesFile>>,
}

/// What has been done.
struct Done {
    table: Option<Arc<Table>>,
    tally: Tally,
    commits: u64,
    files: (u64, u64),
    months: Vec<String>,
}

impl Done {
    fn new(table: Option<Table>) -> Done {
        Done {
            table: table.map(Arc::new),
            tally: Tally::default(),
            commits: 0,
            files: (0, 0),
            months: Vec::new(),
        }
    }
}

impl Job {
    /// Looks at the lake, and plans.
    async fn begin(self: Arc<Self>) -> Result<(Option<Table>, Plan)> {
        Stop::run(move |_| {
            let table = self.find()?;
            let state = table.as_ref().map(Table::state);
            let swept = self.asking.swept(state)?;
            let open = match &table {
                Some(table) => {
                    let first = table.state().proven_ms().first().map_or(0, |(first, _)| *first);
                    let from = self.asking.kept_from().unwrap_or(first);
                    table.open_costs(from, self.asking.now_ms, self.asking.now_ms)?
                }
                None => Vec::new(),
            };
            let plan = self.asking.plan(state, swept, open);
            Ok((table, plan))
        })
        .await
    }

    /// The lake, if there is one yet: one that may be written to by this sync.
    fn find(&self) -> Result<Option<Table>> {
        let shown = self.location.shown();
        let table = match Table::find(&self.location, Moment::Now)? {
            Found::Lake(table) => *table,
            Found::Anothers(why) => return Err(Error::Output(format!("{shown}: {why}"))),
            Found::Nothing if self.location.is_empty()? => return Ok(None),
            Found::Nothing => {
                return Err(Error::Output(format!(
                    "{shown} holds other files and no lake: choose an empty place, or one that doesn't exist"
                )));
            }
        };
        let state = table.state();
        let (theirs, ours) = (state.account.as_ref(), self.account.as_ref());
        if state.source != self.connection.source || theirs.zip(ours).is_some_and(|(theirs, ours)| theirs.id != ours.id)
        {
            let of = |account: Option<&Account>| account.map_or("nobody known".into(), |account| account.id.clone());
            return Err(Error::Output(format!(
                "{shown} is of another account or source ({}) than this token's ({}): a lake holds one account's runs",
                of(theirs),
                of(ours)
            )));
        }
        if theirs.is_some() && ours.is_none() {
            return Err(Error::Unreachable(format!(
                "{shown} is of account {}, and the API doesn't say whose this token is; nothing was written, it is safe to run \
                 again",
                theirs.map(|account| account.id.clone()).unwrap_or_default()
            )));
        }
        if self.asking.now_ms < state.synced_at_ms() - CLOCK_SLACK_MS {
            return Err(Error::Untrusted(format!(
                "{shown} was last synced at {}, and the API's clock says {}: a clock went back; nothing was written",
                state.synced_at,
                format_instant(self.asking.now_ms)
            )));
        }
        Ok(Some(table))
    }

    /// Long periods that have so few runs that one commit takes them.
    async fn short(&self, plan: &Plan) -> Result<Vec<(Millis, Millis)>> {
        let mut short = Vec::new();
        for (from, to) in plan.long() {
            let lister = Lister {
                api: self.connection.api.clone(),
                statuses: Vec::new(),
                allow_incomplete: false,
                period: (from, to),
            };
            match lister.first_page(from - 1, to).await {
                Ok(page) if page.total <= MAX_STEP_RUNS => short.push((from, to)),
                Ok(_) | Err(RequestError::TooHeavy) => {}
                Err(RequestError::Failed(error)) => return Err(error),
            }
        }
        Ok(short)
    }

    /// Reads a step's runs and commits what they change.
    async fn step(self: Arc<Self>, done: Done, step: Step, scratch: &Path, on_terminal: bool) -> Result<Done> {
        let mut read: Vec<(Vec<PathBuf>, Arc<Staging>)> = Vec::with_capacity(step.windows.len());
        // One after the other: each has a thread that writes, and memory that its thread keeps.
        for (at, window) in step.windows.iter().enumerate() {
            let known = done.table.clone();
            let known = known.map(|table| known::of(table, self.asking.now_ms, self.is_metered()));
            read.push(self.read(*window, scratch.join(at.to_string()), known, on_terminal).await?);
        }
        let job = self.clone();
        Stop::run(move |stop| {
            let files = read.iter().flat_map(|(files, _)| files.iter().cloned()).collect();
            job.put(done, &step, files, stop)
        })
        .await
    }

    /// Reads the runs of a window; its files are there as long as the folder is held.
    async fn read(
        &self,
        (from, to): (Millis, Millis),
        folder: PathBuf,
        known: Option<Known>,
        on_terminal: bool,
    ) -> Result<(Vec<PathBuf>, Arc<Staging>)> {
        let period = Period {
            from,
            to,
            requested_to: to,
            timezone: chrono_tz::UTC,
        };
        let aside = Aside {
            connection: &self.connection,
            source: &self.args.source,
            costs: &self.args.costs,
            period: &period,
            job_start: self.job_start,
            statuses: Vec::new(),
            filters: Filters::default(),
            names: self.names.clone(),
            dimensions: Dimensions::default(),
            folder,
            known,
            on_terminal,
        };
        let (read, staging) = aside.fetch().await.map_err(committed_stays)?;
        if read.details.failed > 0 {
            let runs = counted(read.details.failed, "run", "runs");
            say(&format!("apify-runs: warning: the details of {runs} could not be read"));
        }
        Ok((parquet_paths(&staging, &read.written.files), staging))
    }

    fn is_metered(&self) -> bool {
        self.args.costs.details == Details::All
    }

    /// Where rows are while they are read: one place a user and lake, so that two syncs of this machine don't meet.
    fn folder(&self) -> PathBuf {
        let place = self.location.local().map(|path| path.display().to_string());
        folder_of("sync", &place.unwrap_or_else(|| self.location.shown().into()))
    }

    /// Merges what was seen into the table as it is, as often as another process is faster.
    fn put(&self, mut done: Done, step: &Step, files: Vec<PathBuf>, stop: &Stop) -> Result<Done> {
        let mark = self.with_changes(ChangesFile::mark)?;
        for _ in 0..COMMIT_ATTEMPTS {
            stop.check()?;
            let table = done.table.as_deref();
            let columns = table.map(|table| table.columns().brought_up_to_date(self.args.with_personal_data));
            let columns = columns.unwrap_or_else(|| LakeColumns::all(self.args.with_personal_data));
            let seen = Seen {
                asked: step.windows.clone(),
                files: files.clone(),
                queried_at_ms: self.asking.now_ms,
                accept_repricing: self.args.accept_repricing,
                kept_from_ms: self.asking.kept_from().unwrap_or(Millis::MIN),
                watched: table.map(watched).unwrap_or_default(),
            };
            let merged = self.merge(&seen, table, &columns)?;
            if let Err(error) = self.check_kept(&merged.tally, step) {
                merged.discard(&self.location);
                return Err(error);
            }
            let state = self.state(table, step, &merged.tally);
            if merged.tally.is_empty() && !is_worth_noting(table, &state, &columns) {
                done.tally.add(&merged.tally);
                return Ok(done);
            }
            let (tally, months, (added, removed)) = (merged.tally.clone(), merged.months(), merged.files());
            let info = info(&tally, step);
            if let Some(table) = merged.commit(&self.location, table, state, info)? {
                if let Some(warning) = table.keep_log_short(false) {
                    say(&format!("apify-runs: warning: {warning}"));
                }
                done.table = Some(Arc::new(table));
                done.tally.add(&tally);
                done.commits += 1;
                done.files = (done.files.0 + added as u64, done.files.1 + removed as u64);
                done.months.extend(months);
                return Ok(done);
            }
            self.with_changes(|changes| changes.rewind(mark.unwrap_or_default()))?;
            done.table = self.find()?.map(Arc::new);
        }
        Err(Error::Busy(format!(
            "{}: other processes commit all the time; what was committed stays, run again",
            self.location.shown()
        )))
    }

    fn merge(&self, seen: &Seen, table: Option<&Table>, columns: &LakeColumns) -> Result<Merged> {
        let mut changes = self.changes.lock().expect("nobody panics while holding it");
        let mut on_change = changes.as_mut().map(ChangesFile::writer);
        let on_change = on_change.as_mut().map(|on_change| on_change as &mut OnChange);
        seen.merge(&self.location, table, columns, on_change)
    }

    fn with_changes<T>(&self, act: impl FnOnce(&mut ChangesFile) -> Result<T>) -> Result<Option<T>> {
        let mut changes = self.changes.lock().expect("nobody panics while holding it");
        changes.as_mut().map(act).transpose()
    }

    /// Exit 5 where Apify lists so few of the runs which the lake has, and which it should keep, that it can't be believed.
    fn check_kept(&self, tally: &Tally, step: &Step) -> Result<()> {
        let (held, gone) = (tally.held_kept, tally.gone_kept);
        let is_empty = tally.listed == 0 && held > 0;
        let has_shrunk = gone > FEW_RUNS && gone * 2 > held;
        if self.args.accept_deletions || step.is_again || !(is_empty || has_shrunk) {
            return Ok(());
        }
        let (from, to) = step.windows[0];
        let (from, to) = (format_instant(from), format_instant(to));
        Err(Error::Untrusted(format!(
            "{from} to {to}: the lake has {} of those that Apify should still keep, and the API lists {} no more; if they were \
             deleted, say --accept-deletions (they stay in the lake); nothing of it was written",
            counted(held, "run", "runs"),
            if gone == held {
                "all of them".to_string()
            } else {
                format!("{gone} of them")
            }
        )))
    }

    /// What the table is to know of itself afterwards.
    fn state(&self, table: Option<&Table>, step: &Step, tally: &Tally) -> State {
        let fresh = || State::new(self.account.clone(), self.connection.source, self.asking.now_ms);
        let mut state = table.map_or_else(fresh, |table| table.state().clone());
        state.tool_version = env!("CARGO_PKG_VERSION").into();
        state.account = state.account.take().or_else(|| self.account.clone());
        state.synced_at = format_instant(self.asking.now_ms.max(state.synced_at_ms()));
        state.retention_days = self.asking.retention_days.or(state.retention_days);
        let (from, to) = step.windows[0];
        if !step.is_again {
            state.prove(self.asking.kept_from().map_or(from, |kept| from.max(kept)), to);
        }
        for (name, moves) in &tally.watched {
            if let Some(closing) = state.closings.get_mut(name) {
                let corrections = closing.corrections.get_or_insert_default();
                corrections.add(moves.new, moves.changed, moves.usd(), &state.synced_at);
            }
        }
        state
    }

    /// Puts small files together, where that was asked for.
    async fn tidy(self: Arc<Self>, mut done: Done) -> Result<(Done, Option<(usize, usize)>)> {
        if self.args.optimize == Optimize::Never {
            return Ok((done, None));
        }
        Stop::run(move |_| {
            let Some(table) = done.table.take().and_then(Arc::into_inner) else {
                return Ok((done, None));
            };
            let before = self.asking.now_ms.saturating_sub(KEEP_RECENT_MS);
            let (table, optimized) = table.optimize(before, MANY_FILES)?;
            done.commits += optimized.commits as u64;
            done.table = match table {
                Some(table) => Some(Arc::new(table)),
                None => self.find()?.map(Arc::new),
            };
            let files = (optimized.files_before, optimized.files_after);
            Ok((done, Some(files)))
        })
        .await
    }

    fn tell(
        &self,
        done: &Done,
        plan: &Plan,
        optimized: Option<(usize, usize)>,
        surroundings: &Surroundings,
    ) -> Result<()> {
        let tally = &done.tally;
        let state = done.table.as_deref().map(Table::state);
        let text = |periods: &[(Millis, Millis)]| -> Vec<(String, String)> {
            let periods = periods.iter();
            periods
                .map(|(from, to)| (format_instant(*from), format_instant(*to)))
                .collect()
        };
        let mut partitions = done.months.clone();
        partitions.sort();
        partitions.dedup();
        let gaps = text(&plan.gaps);
        for (from, to) in &gaps {
            say(&format!(
                "apify-runs: warning: a gap: {from} to {to} was not synced in time, and Apify no longer keeps its runs"
            ));
        }
        if tally.repriced > 0 && !self.args.accept_repricing {
            let runs = counted(tally.repriced, "run has", "runs have");
            say(&format!(
                "apify-runs: warning: {runs} another price than when they settled; the lake keeps what they were, until \
                 --accept-repricing"
            ));
        }
        let synced = Synced {
            notice: self.connection.source.notice(),
            lake: self.location.shown().into(),
            account: state.and_then(|state| state.account.clone()),
            version: done.table.as_deref().map_or(0, Table::version),
            commits: done.commits,
            files_added: done.files.0,
            files_removed: done.files.1,
            queried_at: format_instant(self.asking.now_ms),
            asked: text(&plan.swept).into_iter().chain(text(&plan.again)).collect(),
            asked_again: plan.again.len() as u64,
            proven: state.map(|state| state.proven.clone()).unwrap_or_default(),
            gaps,
            runs_listed: tally.listed,
            runs_new: tally.new,
            runs_changed: tally.changed,
            runs_newly_settled: tally.newly_settled,
            runs_resurrected: tally.resurrected,
            runs_repriced: tally.repriced,
            repricing_accepted: self.args.accept_repricing,
            repriced_from_usd: tally.repriced_from.to_string(),
            repriced_to_usd: tally.repriced_to.to_string(),
            repricing_factor: (tally.repriced_from.0 != 0)
                .then(|| ratio_6_places(tally.repriced_to.0, tally.repriced_from.0))
                .flatten(),
            runs_expired: tally.gone,
            runs_cost_unknown: tally.cost_unknown,
            months: tally
                .moved
                .iter()
                .map(|(month, moves)| MonthMoved {
                    month: month.clone(),
                    runs_new: moves.new,
                    runs_changed: moves.changed,
                    usage_new_usd: moves.new_usd.to_string(),
                    usage_changed_usd: moves.changed_usd.to_string(),
                })
                .collect(),
            usage_moved_past_months_usd: tally.past_usd(&month_of(self.asking.now_ms)).to_string(),
            partitions,
            optimized,
        };
        let look = if surroundings.bold { Look::Bold } else { Look::Plain };
        match (self.args.json, self.args.quiet) {
            (true, _) => print(&synced::json(&synced)),
            (_, true) => Ok(()),
            _ => print(&synced::terminal(&synced, look)),
        }
    }
}

/// An error of reading says what became of what was read before.
fn committed_stays(error: Error) -> Error {
    let fate = "what was committed stays";
    match error {
        Error::Unreachable(text) => Error::Unreachable(format!("{text}; {fate}, it is safe to run again")),
        Error::Untrusted(text) => Error::Untrusted(format!("{text}; {fate}")),
        other => other,
    }
}

/// The months that were closed, which are watched for corrections.
fn watched(table: &Table) -> Vec<Watched> {
    let closings = table.state().closings.iter();
    let watched = closings.map(|(name, closing)| {
        let edges = parse_instant(&closing.from).zip(parse_instant(&closing.to));
        edges.map(|(from, to)| (name.clone(), from, to))
    });
    watched.flatten().collect()
}

/// Whether a commit without rows says something: where proof has grown by a while, or filled a gap.
fn is_worth_noting(table: Option<&Table>, state: &State, columns: &LakeColumns) -> bool {
    let Some(table) = table else {
        return true;
    };
    let length = |state: &State| -> Millis { state.proven_ms().iter().map(|(from, to)| to - from).sum() };
    let grown = length(state) - length(table.state());
    let fills_a_gap = state.proven.len() < table.state().proven.len();
    grown >= WORTH_NOTING_MS || fills_a_gap || columns != table.columns()
}

/// What a commit says of itself.
fn info(tally: &Tally, step: &Step) -> Map<String, serde_json::Value> {
    let asked = step.windows.iter().take(MAX_TOLD_WINDOWS);
    let asked: Vec<[String; 2]> = asked
        .map(|(from, to)| [format_instant(*from), format_instant(*to)])
        .collect();
    let moved = tally
        .moved
        .values()
        .fold(0_i128, |sum, moves| sum.saturating_add(moves.usd().0));
    let metrics = json!({
        "numOutputRows": tally.new + tally.changed,
        "numTargetRowsInserted": tally.new,
        "numTargetRowsUpdated": tally.changed,
    });
    let told = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "asked": asked,
        "runs_listed": tally.listed,
        "runs_new": tally.new,
        "runs_changed": tally.changed,
        "runs_newly_settled": tally.newly_settled,
        "runs_resurrected": tally.resurrected,
        "runs_repriced": tally.repriced,
        "runs_expired": tally.gone,
        "usage_moved_usd": crate::money::Usd(moved).to_string(),
    });
    Map::from_iter([
        ("operationMetrics".to_string(), metrics),
        ("apifyRuns".to_string(), told),
    ])
}
