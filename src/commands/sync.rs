//! `sync`: brings a lake up to date. What is asked for is planned, read month by month as any period is, and put into the
//! table one commit a step, so that a sync that ends early has lost nothing of what it had committed.

mod changes_file;
mod clocks;
mod commit;
mod known_details;
mod plan;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use crate::commands::sync::changes_file::ChangesFile;
use crate::commands::sync::plan::{Asking, Plan, Step};
use tokio::runtime::Handle;

use crate::api::ask::RequestError;
use crate::cli::{Details, Optimize, SyncArgs};
use crate::commands::destination::path_template;
use crate::commands::export::JobStart;
use crate::context::Context;
use crate::context::blocking::Stop;
use crate::context::journal::{ProofCounts, Record, Totals};
use crate::context::terminal::{Printer, warn};
use crate::error::{Error, Result};
use crate::fetch::names::NameBook;
use crate::fetch::{Known, Lister, PageLimit};
use crate::lake::tally::SyncTally;
use crate::lake::{LakeState, LakeTable, Location};
use crate::output::publish::{Destination, Staging};
use crate::period::{Edge, Millis, Period, PeriodSpec, format_instant};
use crate::pipeline::connection::Connection;
use crate::pipeline::scratch::{Aside, folder_of};
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{Account, Filters, PeriodText, TotalsText};
use crate::report::dimension::Dimensions;
use crate::report::terminal::Look;

/// How long before the last sync files are left alone when small ones are put together, and how many make it worth it.
const KEEP_RECENT_MS: Millis = 7 * 86_400_000;
const MANY_FILES: usize = 8;

/// Most runs of a commit that spans months.
const MAX_STEP_RUNS: u64 = 250_000;

/// Runs the job.
pub async fn run(args: SyncArgs, context: Context) -> Result<()> {
    args.costs.check().map_err(Error::Usage)?;
    let args = filled(args, &context)?;
    let record = context.record.clone();
    record.stage("asked");
    let (text, handle) = (args.lake.clone(), Handle::current());
    let location = Stop::run(move |_| Location::open_to_write(&text, handle)).await?;
    let connection = Connection::open(&args.source, args.costs.detail_rate, &context).await?;
    let retention = connection.ask_retention();
    let account = connection.account().await;
    if account.is_none() {
        // Whether the token is any good shows in a list of next to nothing.
        let now_ms = connection.api.clocks().start_ms();
        let lister = Lister {
            api: connection.api.clone(),
            statuses: Vec::new(),
            allow_incomplete: true,
            period: (now_ms - 1, now_ms),
            limit: PageLimit::default(),
        };
        lister.page(now_ms - 1, now_ms, 0, false).await?;
    }
    let retention_days = retention.await.unwrap_or_else(|error| Err(error.to_string()));
    if let Err(why) = &retention_days {
        warn(&format!(
            "how many days Apify keeps runs is not known, so gaps can't be told: {why}"
        ));
    }
    let clocks = connection.clocks().await;
    if let Some(refusal) = clocks.refusal("until then, export a period that is over by its dates; nothing was written")
    {
        return Err(refusal);
    }
    clocks.warning().iter().for_each(|warning| warn(warning));
    let job_start = JobStart::of(clocks);
    let job = Arc::new(Job {
        asking: Asking {
            now_ms: clocks.start_ms(),
            sure_ms: clocks.sure_ms(),
            since_ms: args.since.map(instant_of).transpose()?,
            lookback_ms: i64::try_from(args.lookback.as_millis()).unwrap_or(i64::MAX),
            resweep: args.resweep,
            retention_days: retention_days.ok(),
        },
        names: Arc::new(NameBook::new(
            (!args.no_names).then(|| connection.api.clone()),
            connection.spare.clone(),
        )),
        changes: Mutex::new(None),
        remembered_days: OnceLock::new(),
        sure_until: OnceLock::new(),
        job_start,
        account,
        record: record.clone(),
        stdout: context.stdout.clone(),
        location,
        connection,
        args,
    });
    let (table, plan) = job.clone().begin().await?;
    let mut scratch = Destination::acquire(&job.folder())?;
    let scratch = scratch.stage()?;
    // No sooner: another sync may be writing it.
    let changes = job.args.changes.as_deref();
    let changes = changes
        .map(|path| ChangesFile::create(path, &job.location))
        .transpose()?;
    *job.changes.lock().expect("nobody panics while holding it") = changes;
    let on_terminal = context.stderr_is_terminal && !job.args.quiet;
    job.clone().settle().await?;
    record.stage("read");
    let done = job
        .clone()
        .steps(Done::new(table), &plan, scratch.path(), on_terminal)
        .await;
    drop(scratch);
    // Whether or not a later step failed: what was committed is told.
    let published = job.clone().publish_changes().await;
    let done = done?;
    published?;
    record.stage("tidied");
    let (done, optimized) = job.clone().tidy(done).await?;
    let look = if context.bold { Look::Bold } else { Look::Plain };
    job.tell(&done, &plan, optimized, look)
}

/// The options with their placeholders filled in.
fn filled(args: SyncArgs, context: &Context) -> Result<SyncArgs> {
    let account = context.account_name().or(args.source.demo.then_some("demo"));
    let known = path_template::Known::of_account(account);
    let changes = args
        .changes
        .as_deref()
        .map(|changes| known.fill_path("--changes", changes));
    Ok(SyncArgs {
        lake: known.fill("--lake", &args.lake)?,
        changes: changes.transpose()?,
        ..args
    })
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
    record: Record,
    stdout: Printer,
    location: Location,
    connection: Connection,
    names: Arc<NameBook>,
    changes: Mutex<Option<ChangesFile>>,
    /// For how many days Apify kept runs when the lake last knew.
    remembered_days: OnceLock<u64>,
    /// Where what was proven by a clock that was ahead is cut back to.
    sure_until: OnceLock<Millis>,
}

/// A window that has been read; its files are there as long as this is.
struct Read {
    files: Vec<PathBuf>,
    totals: Totals,
    proof: ProofCounts,
    _staging: Arc<Staging>,
}

/// What has been done.
struct Done {
    table: Option<Arc<LakeTable>>,
    tally: SyncTally,
    commits: u64,
    files: (u64, u64),
    months: Vec<String>,
    /// What was proven, whether or not a commit has noted it.
    proven: Vec<(Millis, Millis)>,
}

impl Done {
    fn new(table: Option<LakeTable>) -> Done {
        Done {
            table: table.map(Arc::new),
            tally: SyncTally::default(),
            commits: 0,
            files: (0, 0),
            months: Vec::new(),
            proven: Vec::new(),
        }
    }

    /// Adds what a commit has changed: counts, months and files in and out.
    fn add(&mut self, (tally, months, (added, removed)): (SyncTally, Vec<String>, (usize, usize))) {
        self.tally.add(&tally);
        self.months.extend(months);
        self.files = (self.files.0 + added as u64, self.files.1 + removed as u64);
        self.commits += 1;
    }
}

impl Job {
    /// What is known before anything is asked for; retention as the lake remembers it, where the API doesn't tell.
    fn asking(&self) -> Asking {
        Asking {
            retention_days: self.asking.retention_days.or(self.remembered_days.get().copied()),
            ..self.asking
        }
    }

    /// Looks at the lake, and plans.
    async fn begin(self: Arc<Self>) -> Result<(Option<LakeTable>, Plan)> {
        Stop::run(move |_| {
            let table = self.find()?;
            // Before minutes of reading: without them, nothing can be committed.
            let proven_at = table.as_ref().and_then(|table| table.state().proven_endpoint.clone());
            self.location.ensure_conditional_puts(proven_at.as_deref())?;
            let state = table.as_ref().map(|table| self.sound_state(table)).transpose()?;
            let state = state.as_ref();
            if let Some(days) = state.and_then(|state| state.retention_days) {
                self.remembered_days.get_or_init(|| days);
            }
            let mut asking = self.asking();
            if state.is_some_and(|state| state.proven.is_empty()) {
                // Nothing it claimed is sure: it begins anew where it had begun.
                let first = state.and_then(LakeState::begins);
                asking.since_ms = asking.since_ms.or(first.filter(|first| *first < asking.sure_ms));
            }
            let swept = asking.swept(state)?;
            let open = match &table {
                Some(table) => {
                    let first = state.and_then(LakeState::begins).unwrap_or(0);
                    let from = asking.kept_from().unwrap_or(first);
                    table.open_costs(from, asking.now_ms, asking.now_ms)?
                }
                None => Vec::new(),
            };
            let plan = asking.plan(state, swept, open);
            Ok((table, plan))
        })
        .await
    }

    /// Deals with changes that earlier syncs have left.
    async fn settle(self: Arc<Self>) -> Result<()> {
        Stop::run(move |_| self.settle_left_changes()).await
    }

    /// Puts the file of changes in its place, with those that were committed meanwhile.
    async fn publish_changes(self: Arc<Self>) -> Result<()> {
        Stop::run(move |_| {
            let changes = self.changes.lock().expect("nobody panics while holding it").take();
            changes.map_or(Ok(()), ChangesFile::publish)?;
            // Of commits that others have made void since the sync began.
            self.settle_left_changes()
        })
        .await
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
                limit: PageLimit::default(),
            };
            match lister.first_page(from - 1, to).await {
                Ok(page) if page.total <= MAX_STEP_RUNS => short.push((from, to)),
                Ok(_) | Err(RequestError::TooHeavy) => {}
                Err(RequestError::Failed(error)) => return Err(error),
            }
        }
        Ok(short)
    }

    /// Takes one step after the other.
    async fn steps(self: Arc<Self>, mut done: Done, plan: &Plan, scratch: &Path, on_terminal: bool) -> Result<Done> {
        let short = self.short(plan).await?;
        for step in plan.steps(|period| short.contains(&period)) {
            let on_terminal = on_terminal && !step.is_again;
            done = self.clone().step(done, step, scratch, on_terminal).await?;
        }
        Ok(done)
    }

    /// Reads a step's runs and commits what they change.
    async fn step(self: Arc<Self>, done: Done, step: Step, scratch: &Path, on_terminal: bool) -> Result<Done> {
        let mut read: Vec<Read> = Vec::with_capacity(step.windows.len());
        // One after the other: each has a thread that writes, and memory that its thread keeps.
        for (at, window) in step.windows.iter().enumerate() {
            // Another price is found by asking alone.
            let known = done.table.clone().filter(|_| !self.args.accept_repricing);
            let known = known.map(|table| known_details::of(table, self.asking.now_ms, self.is_metered()));
            read.push(
                self.read(*window, scratch.join(at.to_string()), known, on_terminal)
                    .await?,
            );
        }
        let job = self.clone();
        Stop::run(move |stop| {
            let files = read.iter().flat_map(|read| read.files.iter().cloned()).collect();
            let done = job.put(done, &step, files, stop)?;
            // What is asked for again was noted before.
            if !step.is_again {
                let ends = step.windows.iter().copied().reduce(|(from, _), (_, to)| (from, to));
                ends.iter().for_each(|ends| job.note(*ends, &read));
            }
            Ok(done)
        })
        .await
    }

    /// Notes runs that have been committed.
    fn note(&self, (from, to): (Millis, Millis), read: &[Read]) {
        self.record.note(|noted| {
            noted.out = Some(self.location.shown().into());
            let so_far = noted.period.take();
            noted.period = Some(PeriodText {
                from: so_far.map_or_else(|| format_instant(from), |so_far| so_far.from),
                to: format_instant(to),
                requested_to: format_instant(to),
                timezone: "UTC".into(),
            });
            for read in read {
                noted.totals = Some(
                    noted
                        .totals
                        .as_ref()
                        .map_or(read.totals.clone(), |sum| sum.plus(&read.totals)),
                );
                noted.proof = Some(noted.proof.map_or(read.proof, |sum| sum.and(read.proof)));
            }
        });
    }

    /// Reads the runs of a window; its files are there as long as the folder is held.
    async fn read(
        &self,
        (from, to): (Millis, Millis),
        folder: PathBuf,
        known: Option<Known>,
        on_terminal: bool,
    ) -> Result<Read> {
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
        for gap in read.gaps() {
            self.caveat(&format!("{} to {}: {gap}", format_instant(from), format_instant(to)));
        }
        let files = parquet_paths(&staging, &read.written.files);
        let proof = &read.fetched.proof;
        Ok(Read {
            files,
            proof: ProofCounts {
                proven: proof.proven,
                counted: proof.counted,
                fetched: proof.fetched,
            },
            totals: Totals::from(&TotalsText::from(&read.written.summary.finish().totals)),
            _staging: staging,
        })
    }

    /// Says what must be known of what was read or of the lake, and notes it.
    fn caveat(&self, text: &str) {
        warn(text);
        self.record.note(|noted| noted.caveats.push(text.into()));
    }

    fn is_metered(&self) -> bool {
        self.args.costs.details == Details::All
    }

    /// Where rows are while they are read: one place a user and lake, so that two syncs of this machine don't meet.
    fn folder(&self) -> PathBuf {
        let place = self.location.local().map(|path| path.display().to_string());
        folder_of("sync", &place.unwrap_or_else(|| self.location.shown().into()))
    }

    /// Puts small files together, where that was asked for.
    async fn tidy(self: Arc<Self>, mut done: Done) -> Result<(Done, Option<(usize, usize)>)> {
        if self.args.optimize == Optimize::Never {
            return Ok((done, None));
        }
        Stop::run(move |_| {
            let table = done.table.take().and_then(Arc::into_inner);
            let Some(table) = table.map_or_else(|| self.find(), |table| Ok(Some(table)))? else {
                return Ok((done, None));
            };
            let before = self.asking.now_ms.saturating_sub(KEEP_RECENT_MS);
            let (table, optimized) = table.optimize(before, MANY_FILES)?;
            done.commits += optimized.commits as u64;
            if let Some(table) = &table
                && optimized.commits > 0
                && let Some(warning) = table.checkpoint_if_due(true)
            {
                warn(&warning);
            }
            done.table = match table {
                Some(table) => Some(Arc::new(table)),
                None => self.find()?.map(Arc::new),
            };
            let files = (optimized.files_before, optimized.files_after);
            Ok((done, Some(files)))
        })
        .await
    }
}

/// An error of reading says what became of what was read before.
fn committed_stays(error: Error) -> Error {
    with_fate(error, "what was committed stays")
}

/// An error with what became of the lake.
fn with_fate(error: Error, fate: &str) -> Error {
    match error {
        Error::Unreachable(text) => Error::Unreachable(format!("{text}; {fate}, it is safe to run again")),
        Error::Untrusted(text) => Error::Untrusted(format!("{text}; {fate}")),
        Error::Output(text) => Error::Output(format!("{text}; {fate}")),
        other => other,
    }
}
