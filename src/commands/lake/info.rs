//! `lake info`: what a lake holds, by its log and a listing of its place. No data file is read.

mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::runtime::Handle;

use crate::cli::InfoArgs;
use crate::context::terminal::print;
use crate::error::Result;
use crate::lake::state::{Closing, Corrections};
use crate::lake::{DataFile, LakeTable, Location, Moment, MonthSums, StorageUse};
use crate::money::Usd;
use crate::period::{Millis, instant_text, spans_text};
use crate::provenance::{Account, Source};
use crate::text::json_document;

/// What `--json` prints. Dollars are exact, of runs whose costs are known; null where none is, or where the log doesn't have
/// it.
#[derive(Serialize)]
struct LakeInfo {
    notice: Option<&'static str>,
    lake: String,
    account: Option<Account>,
    source: Source,
    version: u64,
    /// The oldest version that the log still has.
    oldest_version: u64,
    #[serde(with = "instant_text::option")]
    created_at: Option<Millis>,
    /// The start of the last sync, by the API's clock.
    #[serde(with = "instant_text")]
    synced_at: Millis,
    /// The version of apify-runs that made the last commit.
    tool_version: String,
    /// For how many days Apify keeps runs, by the last sync that got an answer.
    retention_days: Option<u64>,
    #[serde(with = "spans_text")]
    proven: Vec<(Millis, Millis)>,
    /// What no sync has proven between the first instant and the last that are proven.
    #[serde(with = "spans_text")]
    gaps: Vec<(Millis, Millis)>,
    totals: LakeFigures,
    months: Vec<LakeMonth>,
    closings: Vec<MonthClosing>,
    storage: StorageUse,
    /// What other engines have committed since this tool's last commit.
    foreign_commits: Vec<OtherCommit>,
}

/// What files hold, by the log.
#[derive(Debug, Clone, Serialize)]
struct LakeFigures {
    runs: Option<u64>,
    usage_total_usd: Option<Usd>,
    runs_cost_unknown: Option<u64>,
    /// Whether costs of some of the runs may still change.
    may_be_provisional: bool,
    files: u64,
    bytes: u64,
}

/// A UTC month.
#[derive(Serialize)]
struct LakeMonth {
    month: String,
    #[serde(flatten)]
    figures: LakeFigures,
}

#[derive(Serialize)]
struct MonthClosing {
    month: String,
    #[serde(with = "instant_text")]
    from: Millis,
    #[serde(with = "instant_text")]
    to: Millis,
    #[serde(with = "instant_text")]
    closed_at: Millis,
    table_version: u64,
    manifest_sha256: String,
    runs: u64,
    usage_total_usd: Option<Usd>,
    /// What has changed since; null where nothing has.
    corrections: Option<Corrections>,
    #[serde(with = "instant_text::option")]
    damaged_at: Option<Millis>,
}

#[derive(Serialize)]
struct OtherCommit {
    version: u64,
    operation: String,
}

/// Exit 2 where there is no lake, exit 5 where its log is damaged.
pub fn run(args: &InfoArgs, handle: Handle) -> Result<()> {
    let location = Location::open(&args.lake, handle)?;
    let info = info(&LakeTable::open(&location, Moment::Now)?)?;
    print(&match args.json {
        true => json_document(&info),
        false => text::render(&info),
    })
}

fn info(table: &LakeTable) -> Result<LakeInfo> {
    let state = table.state();
    let edges = state.begins().zip(state.proven_until());
    let commits = table.foreign_commits().iter().map(|commit| OtherCommit {
        version: commit.version,
        operation: commit.operation.clone(),
    });
    Ok(LakeInfo {
        notice: state.source.notice(),
        lake: table.location().shown().into(),
        account: state.account.clone(),
        source: state.source,
        version: table.version(),
        oldest_version: table.oldest_version()?,
        created_at: table.created_ms(),
        synced_at: state.synced_at_ms,
        tool_version: state.tool_version.clone(),
        retention_days: state.retention_days,
        proven: state.proven.clone(),
        gaps: edges.map_or(Vec::new(), |(from, to)| state.unproven(from, to)),
        totals: LakeFigures::of(table.files()),
        months: months(table),
        closings: state
            .closings
            .iter()
            .map(|(name, closing)| closed(name, closing))
            .collect(),
        storage: table.storage()?,
        foreign_commits: commits.collect(),
    })
}

fn months(table: &LakeTable) -> Vec<LakeMonth> {
    let mut files: BTreeMap<&str, Vec<&DataFile>> = BTreeMap::new();
    for file in table.files() {
        files.entry(&file.month).or_default().push(file);
    }
    let month = |(month, files): (&str, Vec<&DataFile>)| LakeMonth {
        month: month.into(),
        figures: LakeFigures::of(files),
    };
    files.into_iter().map(month).collect()
}

impl LakeFigures {
    fn of<'f>(files: impl IntoIterator<Item = &'f DataFile>) -> LakeFigures {
        let (mut runs, mut sums) = (Some(0), Some(MonthSums::default()));
        let mut figures = LakeFigures {
            runs: None,
            usage_total_usd: None,
            runs_cost_unknown: None,
            may_be_provisional: false,
            files: 0,
            bytes: 0,
        };
        for file in files {
            runs = runs.zip(file.rows).map(|(sum, rows)| sum + rows);
            // Another engine writes none.
            sums = sums.zip(file.sums).map(|(mut sum, sums)| {
                sum.add(&sums);
                sum
            });
            figures.may_be_provisional |= file.may_be_provisional;
            figures.files += 1;
            figures.bytes += file.bytes;
        }
        figures.runs = runs;
        figures.usage_total_usd = sums.and_then(|sums| sums.known_usage());
        figures.runs_cost_unknown = sums.map(|sums| sums.runs_cost_unknown);
        figures
    }
}

fn closed(name: &str, closing: &Closing) -> MonthClosing {
    MonthClosing {
        month: name.into(),
        from: closing.from,
        to: closing.to,
        closed_at: closing.closed_at,
        table_version: closing.table_version,
        manifest_sha256: closing.manifest_sha256.clone(),
        runs: closing.runs,
        usage_total_usd: closing.usage_total_usd,
        corrections: closing.corrections.clone(),
        damaged_at: closing.damaged_at,
    }
}
