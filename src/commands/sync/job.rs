//! A sync: what it was asked to do, of whom, and how far it has come.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::runtime::Handle;

use crate::cli::SyncArgs;
use crate::commands::destination::path_template;
use crate::commands::sync::changes_file::ChangesFile;
use crate::commands::sync::plan::Asking;
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::context::journal::Journal;
use crate::context::terminal::{Printer, warn};
use crate::disk::{check_writable, missing_parents};
use crate::error::{Error, Result};
use crate::fetch::names::NameBook;
use crate::lake::tally::SyncTally;
use crate::lake::{LakeTable, Location};
use crate::period::{Edge, Millis, PeriodSpec, Zone};
use crate::pipeline::connection::Connection;
use crate::pipeline::scratch::scratch_folder;
use crate::pipeline::start::JobStart;
use crate::provenance::{Account, DetailMode};
use crate::report::caveat::Caveat;

/// What an error adds that a later sync may not meet.
pub const RERUN: &str = "; it is safe to run again";

/// What all steps share.
pub struct SyncJob {
    pub args: SyncArgs,
    pub asking: Asking,
    pub job_start: JobStart,
    pub account: Option<Account>,
    pub journal: Journal,
    pub stdout: Printer,
    pub location: Location,
    pub connection: Connection,
    pub names: Arc<NameBook>,
    pub changes: Mutex<Option<ChangesFile>>,
    /// For how many days Apify kept runs when the lake last knew.
    pub remembered_days: OnceLock<u64>,
    /// Where what was proven by a clock that was ahead is cut back to.
    pub sure_until: OnceLock<Millis>,
}

impl SyncJob {
    /// Opens the lake's place, finds address and token, and asks what decides what is asked for.
    pub async fn connect(args: SyncArgs, context: &Context) -> Result<Arc<SyncJob>> {
        let (text, handle) = (args.lake.clone(), Handle::current());
        let location = run_blocking(move |_| Location::open_to_write(&text, handle)).await?;
        let connection = Connection::open(&args.source, args.costs.detail_rate, context).await?;
        let retention = connection.ask_retention();
        let account = connection.ask_account().known().await;
        if account.is_none() {
            // Whether the token is any good shows in a list of next to nothing.
            let now_ms = connection.api.clocks().start_ms();
            connection.probe_list(now_ms).await?;
        }
        let retention_days = retention.await.unwrap_or_else(|error| Err(error.into()));
        if let Err(why) = &retention_days {
            warn(&format!(
                "Apify's retention is unknown, so gaps cannot be detected: {why}"
            ));
        }
        let clocks = connection.clocks().await;
        if let Some(refusal) =
            clocks.refusal("until then, export a period that is over by its dates; nothing was written")
        {
            return Err(refusal);
        }
        clocks.warning().iter().for_each(|warning| warn(warning));
        let job_start = JobStart::new(clocks);
        Ok(Arc::new(SyncJob {
            asking: Asking {
                now_ms: clocks.start_ms(),
                sure_ms: clocks.sure_ms(),
                since_ms: args.since.map(instant_of).transpose()?,
                lookback_ms: i64::try_from(args.lookback.as_millis()).unwrap_or(i64::MAX),
                resweep: args.resweep,
                retention_days: retention_days.ok(),
            },
            names: connection.name_book(!args.no_names),
            changes: Mutex::new(None),
            remembered_days: OnceLock::new(),
            sure_until: OnceLock::new(),
            job_start,
            account,
            journal: context.journal.clone(),
            stdout: context.stdout.clone(),
            location,
            connection,
            args,
        }))
    }

    /// What is known before anything is asked for; retention as the lake remembers it, where the API doesn't tell.
    pub fn asking(&self) -> Asking {
        Asking {
            retention_days: self.asking.retention_days.or(self.remembered_days.get().copied()),
            ..self.asking
        }
    }

    /// Says what must be known of what was read or of the lake, and notes it.
    pub fn caveat(&self, caveat: Caveat) {
        warn(&caveat.to_string());
        self.journal.update(|entry| entry.caveats.push(caveat));
    }

    pub fn is_metered(&self) -> bool {
        self.args.costs.details == DetailMode::All
    }

    /// Where rows are while they are read: one place a user and lake, so that two syncs of this machine don't meet.
    pub fn scratch_folder(&self) -> PathBuf {
        let place = self.location.local().map(|path| path.display().to_string());
        scratch_folder("sync", &place.unwrap_or_else(|| self.location.shown().into()))
    }
}

pub struct SyncProgress {
    pub table: Option<Arc<LakeTable>>,
    pub tally: SyncTally,
    pub commits: u64,
    pub files: (u64, u64),
    pub months: Vec<String>,
    /// What was proven, whether or not a commit has noted it.
    pub proven: Vec<(Millis, Millis)>,
}

impl SyncProgress {
    pub fn new(table: Option<LakeTable>) -> SyncProgress {
        SyncProgress {
            table: table.map(Arc::new),
            tally: SyncTally::default(),
            commits: 0,
            files: (0, 0),
            months: Vec::new(),
            proven: Vec::new(),
        }
    }

    /// Adds what a commit has changed: counts, months and files in and out.
    pub fn add(&mut self, (tally, months, (added, removed)): (SyncTally, Vec<String>, (usize, usize))) {
        self.tally.add(&tally);
        self.months.extend(months);
        self.files = (self.files.0 + added as u64, self.files.1 + removed as u64);
        self.commits += 1;
    }
}

/// Fills in the placeholders of paths.
pub fn fill_placeholders(args: SyncArgs, context: &Context) -> Result<SyncArgs> {
    let account = context.account_name().or(args.source.demo.then_some("demo"));
    let known = path_template::TemplateValues::of_account(account);
    let changes = args
        .changes
        .as_deref()
        .map(|changes| known.fill_path("--changes", changes));
    let (lake, changes) = (known.fill("--lake", &args.lake)?, changes.transpose()?);
    let local = lake.strip_prefix("file://").unwrap_or(&lake);
    if !local.contains("://") {
        check_parents(Path::new(&args.lake), Path::new(local))?;
    }
    if let (Some(template), Some(changes)) = (&args.changes, &changes) {
        check_parents(template, changes)?;
    }
    Ok(SyncArgs { lake, changes, ..args })
}

/// Exit 6 where more parents of an output are missing than are created for it, since a disk may not be mounted; and where nothing
/// can be created in the nearest that is there.
fn check_parents(template: &Path, filled: &Path) -> Result<()> {
    let missing = missing_parents(filled, path_template::missing_levels(template));
    let checked = missing.and_then(|_| check_writable(filled));
    checked.map_err(|error| Error::output("write", filled, error))
}

fn instant_of(edge: Edge) -> Result<Millis> {
    // One end of a period whose other end doesn't matter.
    let far = crate::period::parse_edge("9999-01-01")?;
    let spec = PeriodSpec::FromTo { from: edge, to: far };
    Ok(spec.resolve(Zone::UTC, crate::period::LAST_INSTANT)?.from)
}
