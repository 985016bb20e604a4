//! `lake`: the care of a lake.

mod close;
mod info;
mod repair;

use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Handle;

use crate::context::Context;
use crate::context::blocking::run_blocking;

use crate::cli::{LakeArgs, LakeCommand, OptimizeArgs, VacuumArgs};
use crate::context::terminal::{print, warn};
use crate::error::{Error, Result};
use crate::lake::{LakeTable, Location, Moment};
use crate::text::{counted, json_document};

/// The shortest time that Delta keeps files for whoever still reads or writes by an earlier version.
const SAFE: Duration = Duration::from_secs(7 * 86_400);

/// What `lake optimize --json` prints.
#[derive(Serialize)]
struct OptimizeDocument<'l> {
    notice: Option<&'static str>,
    lake: &'l str,
    version: u64,
    commits: u64,
    files_before: u64,
    files_after: u64,
    /// Files whose SHA-256 the log didn't have before.
    files_hashed: u64,
}

/// What `lake vacuum --json` prints.
#[derive(Serialize)]
struct VacuumDocument<'l> {
    notice: Option<&'static str>,
    lake: &'l str,
    /// Whether the files are still there.
    dry_run: bool,
    files: &'l [String],
}

pub async fn run(args: LakeArgs, context: Context) -> Result<()> {
    let (handle, now_ms) = (Handle::current(), context.now_ms);
    match args.command {
        LakeCommand::Close(args) => close::run(args, context).await,
        LakeCommand::Optimize(args) => run_blocking(move |_| optimize(&args, handle)).await,
        LakeCommand::Vacuum(args) => run_blocking(move |_| vacuum(&args, handle)).await,
        LakeCommand::Info(args) => run_blocking(move |_| info::run(&args, handle)).await,
        LakeCommand::Repair(args) => run_blocking(move |_| repair::run(&args, handle, now_ms)).await,
    }
}

fn optimize(args: &OptimizeArgs, handle: Handle) -> Result<()> {
    let location = Location::open(&args.lake, handle)?;
    let table = LakeTable::open(&location, Moment::Now)?;
    let synced_at_ms = table.state().synced_at_ms;
    let files = table.files().len();
    let (after, optimized) = table.optimize(synced_at_ms, 2)?;
    let Some(after) = after else {
        return Err(Error::Busy(format!(
            "{}: another process committed at the same time; {} made before that; run again",
            location.shown(),
            counted(optimized.commits as u64, "commit was", "commits were")
        )));
    };
    if let Some(warning) = after.checkpoint_if_due(optimized.commits > 0) {
        warn(&warning);
    }
    if args.json {
        return print(&json_document(&OptimizeDocument {
            notice: after.state().source.notice(),
            lake: location.shown(),
            version: after.version(),
            commits: optimized.commits as u64,
            files_before: files as u64,
            files_after: after.files().len() as u64,
            files_hashed: optimized.hashed as u64,
        }));
    }
    if args.quiet {
        return Ok(());
    }
    let hashed = match optimized.hashed as u64 {
        0 => String::new(),
        hashed => format!("; the SHA-256 of {} added to the log", counted(hashed, "file", "files")),
    };
    print(&format!(
        "{}: {} before, {} now{hashed}\n",
        location.shown(),
        counted(files as u64, "file", "files"),
        after.files().len()
    ))
}

fn vacuum(args: &VacuumArgs, handle: Handle) -> Result<()> {
    if args.keep < SAFE && !args.force {
        return Err(Error::Usage(
            "--keep: with less than 7d, current readers and writers of the lake may fail; wait, or add --force".into(),
        ));
    }
    let location = Location::open(&args.lake, handle)?;
    let table = LakeTable::open(&location, Moment::Now)?;
    let files = table.vacuum(args.keep, args.force, args.dry_run)?;
    if args.json {
        return print(&json_document(&VacuumDocument {
            notice: table.state().source.notice(),
            lake: location.shown(),
            dry_run: args.dry_run,
            files: &files,
        }));
    }
    if args.quiet {
        return Ok(());
    }
    let count = counted(files.len() as u64, "file", "files");
    let done = if args.dry_run { "would be removed" } else { "removed" };
    let listed: String = files
        .iter()
        .filter(|_| args.dry_run)
        .map(|file| format!("{file}\n"))
        .collect();
    print(&format!("{listed}{}: {count} {done}\n", location.shown()))
}
