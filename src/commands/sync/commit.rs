//! FetchResult runs, merged with the table as it is, checked and committed; anew whenever another process has committed first.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, json};

use crate::commands::sync::changes_file::ChangesFile;
use crate::commands::sync::clocks::{latest_ms, sound_state};
use crate::commands::sync::job::{RERUN, SyncJob, SyncProgress};
use crate::commands::sync::plan::Step;
use crate::context::blocking::CancelFlag;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::lake::columns::{LakeColumns, month_of};
use crate::lake::tally::{OnChange, SyncTally};

use crate::lake::{
    CommitFate, CommitId, CommitOutcome, LakeState, LakeTable, MergeOutput, Moment, SyncInput, WatchedPeriod,
};
use crate::money::Usd;
use crate::period::{DAY_MS, Millis, format_instant};
use crate::provenance::Account;
use crate::text::counted;

/// How often a step is merged anew because another process has committed meanwhile.
const COMMIT_ATTEMPTS: usize = 6;
/// How far proof must have grown to be worth a commit of its own.
const WORTH_NOTING_MS: Millis = DAY_MS;
/// Fewer runs than these may all be gone, since owners delete them.
const FEW_RUNS: u64 = 10;
/// Windows that a commit info lists.
const MAX_TOLD_WINDOWS: usize = 50;

/// The lake, if there is one yet: one that may be written to by this sync.
pub fn find(job: &SyncJob) -> Result<Option<LakeTable>> {
    let shown = job.location.shown();
    let Some(table) = LakeTable::find(&job.location, Moment::Now)?.writable(&job.location)? else {
        return Ok(None);
    };
    let state = table.state();
    let (theirs, ours) = (state.account.as_ref(), job.account.as_ref());
    if state.source != job.connection.source || theirs.zip(ours).is_some_and(|(theirs, ours)| theirs.id != ours.id) {
        let of = |account: Option<&Account>| account.map_or("unknown".into(), |account| account.id.clone());
        return Err(Error::Output(format!(
            "{shown} has another account or source ({}) than this token ({}): a lake holds the runs of one account",
            of(theirs),
            of(ours)
        )));
    }
    if theirs.is_some() && ours.is_none() {
        return Err(Error::Unreachable(format!(
            "{shown} has account {}, but the API does not say which account this token has; nothing was written; it is safe to \
             run again",
            theirs.map(|account| account.id.clone()).unwrap_or_default()
        )));
    }
    Ok(Some(table))
}

fn seen(job: &SyncJob, table: Option<&LakeTable>, step: &Step, files: &[PathBuf]) -> SyncInput {
    SyncInput {
        asked: step.windows.clone(),
        files: files.to_vec(),
        queried_at_ms: job.asking.now_ms,
        latest_ms: latest_ms(job),
        accept_repricing: job.args.accept_repricing,
        kept_from_ms: job.asking().kept_from().unwrap_or(Millis::MIN),
        watched: table.map(watched).unwrap_or_default(),
    }
}

/// Merges what was seen into the table as it is, as often as another process is faster.
pub fn put(
    job: &SyncJob,
    mut done: SyncProgress,
    step: &Step,
    files: Vec<PathBuf>,
    stop: &CancelFlag,
) -> Result<SyncProgress> {
    done.proven.extend(proves(job, done.table.as_deref(), step)?);
    for _ in 0..COMMIT_ATTEMPTS {
        stop.check()?;
        let table = done.table.as_deref();
        let columns = table.map(|table| table.columns().brought_up_to_date(job.args.with_personal_data));
        let columns = columns.unwrap_or_else(|| LakeColumns::all(job.args.with_personal_data));
        let merged = merge(job, &seen(job, table, step, &files), table, &columns)?;
        if let Err(error) = check_kept(job, &merged.tally, step) {
            merged.discard(&job.location);
            return Err(error);
        }
        let state = state(job, table, &done.proven, &merged.tally)?;
        if merged.tally.is_empty() && !is_worth_noting(table, &state, &columns) {
            done.tally.add(&merged.tally);
            return Ok(done);
        }
        let id = CommitId::next(table);
        if let Err(error) = with_changes(job, |changes| changes.stage(&id)) {
            merged.discard(&job.location);
            return Err(error);
        }
        let told = (merged.tally.clone(), merged.months(), merged.files());
        let info = info(&told.0, step);
        match merged.commit(&job.location, table, (state, info), &id)? {
            CommitOutcome::Done(table) => {
                if let Some(warning) = table.checkpoint_if_due(false) {
                    warn(&warning);
                }
                with_changes(job, ChangesFile::commit)?;
                done.table = Some(Arc::new(*table));
                done.add(told);
                return Ok(done);
            }
            CommitOutcome::Unread(version, error) => {
                with_changes(job, ChangesFile::commit)?;
                return Err(error.with_fate(&format!("version {version} was committed"), RERUN));
            }
            CommitOutcome::Lost => {}
        }
        with_changes(job, ChangesFile::rewind)?;
        done.table = find(job)?.map(Arc::new);
    }
    Err(Error::Busy(format!(
        "{}: other processes keep committing; what was committed stays: run again",
        job.location.shown()
    )))
}

/// Takes what earlier syncs have committed and not told into this sync's file, and removes what is of commits that can't
/// be made any more. Without `--changes`, the former waits for a sync with it.
pub fn settle_left_changes(job: &SyncJob) -> Result<()> {
    for (left, fate) in job.location.left_changes()? {
        match fate {
            CommitFate::Made => {
                with_changes(job, |changes| changes.take_over(&left))?;
            }
            CommitFate::Void => {
                job.location.remove([left.path.as_str()]);
            }
            CommitFate::Open => {}
        }
    }
    job.location.remove_half_staged()
}

fn merge(job: &SyncJob, seen: &SyncInput, table: Option<&LakeTable>, columns: &LakeColumns) -> Result<MergeOutput> {
    let mut changes = job.changes.lock().expect("no thread panics while it has the lock");
    let mut on_change = changes.as_mut().map(ChangesFile::writer);
    let on_change = on_change.as_mut().map(|on_change| on_change as &mut OnChange);
    seen.merge(&job.location, table, columns, on_change)
}

fn with_changes<T>(job: &SyncJob, act: impl FnOnce(&mut ChangesFile) -> Result<T>) -> Result<Option<T>> {
    let mut changes = job.changes.lock().expect("no thread panics while it has the lock");
    changes.as_mut().map(act).transpose()
}

/// Exit 5 where Apify lists so few of the runs which the lake has, and which it should keep, that it can't be believed.
fn check_kept(job: &SyncJob, tally: &SyncTally, step: &Step) -> Result<()> {
    let (held, gone) = (tally.held_kept, tally.gone_kept);
    let is_empty = tally.listed == 0 && held > 0;
    let has_shrunk = gone > FEW_RUNS && gone * 2 > held;
    if job.args.accept_deletions || step.is_again || !(is_empty || has_shrunk) {
        return Ok(());
    }
    let (from, to) = step.windows[0];
    let (from, to) = (format_instant(from), format_instant(to));
    Err(Error::Untrusted(format!(
        "{from} to {to}: Apify should still keep {} of the lake, but the API no longer lists {}. If they were deleted at \
         Apify, use --accept-deletions (they stay in the lake); none of this was written",
        counted(held, "run", "runs"),
        if gone == held {
            "all of them".to_string()
        } else {
            format!("{gone} of them")
        }
    )))
}

/// What a step proves: of what it asks for, that which Apify still keeps. Where nobody knows what that is, nothing that was
/// missed before is proven by an empty answer.
fn proves(job: &SyncJob, table: Option<&LakeTable>, step: &Step) -> Result<Vec<(Millis, Millis)>> {
    if step.is_again {
        return Ok(Vec::new());
    }
    let (from, to) = step.windows[0];
    let to = to.min(job.asking.sure_ms);
    let state = table.map(|table| sound_state(job, table)).transpose()?;
    let proven = state.map(|state| state.proven).unwrap_or_default();
    let mut proves = match (job.asking().kept_from(), proven.first().zip(proven.last())) {
        (Some(kept), _) => vec![(from.max(kept), to)],
        (None, Some(((first, _), (_, until)))) => vec![(from, to.min(*first)), (from.max(*until), to)],
        (None, None) => vec![(from, to)],
    };
    proves.retain(|(from, to)| from < to);
    Ok(proves)
}

/// The state of the table after the commit.
fn state(
    job: &SyncJob,
    table: Option<&LakeTable>,
    proven: &[(Millis, Millis)],
    tally: &SyncTally,
) -> Result<LakeState> {
    let fresh = || LakeState::new(job.account.clone(), job.connection.source, job.asking.now_ms);
    let sound = table.map(|table| sound_state(job, table)).transpose()?;
    let mut state = sound.unwrap_or_else(fresh);
    state.tool_version = env!("CARGO_PKG_VERSION").into();
    state.account = state.account.take().or_else(|| job.account.clone());
    state.synced_at_ms = job.asking.now_ms.max(state.synced_at_ms);
    state.retention_days = job.asking.retention_days.or(state.retention_days);
    proven.iter().for_each(|(from, to)| state.prove(*from, *to));
    for (name, moves) in &tally.watched {
        if let Some(closing) = state.closings.get_mut(name) {
            let corrections = closing.corrections.get_or_insert_default();
            corrections.add(moves.new, moves.changed, moves.usd(), state.synced_at_ms);
        }
    }
    Ok(state)
}

/// The months that were closed, which are watched for corrections.
fn watched(table: &LakeTable) -> Vec<WatchedPeriod> {
    let closings = table.state().closings.iter();
    closings
        .map(|(name, closing)| (name.clone(), closing.from, closing.to))
        .collect()
}

/// Whether a commit without rows says something: where proof has grown by a while, or filled a gap.
fn is_worth_noting(table: Option<&LakeTable>, state: &LakeState, columns: &LakeColumns) -> bool {
    let Some(table) = table else {
        return true;
    };
    let length = |state: &LakeState| -> Millis { state.proven.iter().map(|(from, to)| to - from).sum() };
    let grown = length(state) - length(table.state());
    let fills_a_gap = state.proven.len() < table.state().proven.len();
    // So that a month can be closed as soon as it is over.
    let month = |state: &LakeState| state.proven_until().map(month_of);
    let ends_a_month = month(state) != month(table.state());
    // What was claimed of a time that is still to come.
    let is_cut_back = state.proven_until() < table.state().proven_until();
    grown >= WORTH_NOTING_MS || is_cut_back || fills_a_gap || ends_a_month || columns != table.columns()
}

/// The commit info.
fn info(tally: &SyncTally, step: &Step) -> Map<String, serde_json::Value> {
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
        "runs_moved": tally.relocated,
        "runs_repriced": tally.repriced,
        "runs_expired": tally.gone,
        "usage_moved_usd": Usd(moved).to_string(),
    });
    Map::from_iter([
        ("operationMetrics".to_string(), metrics),
        ("apifyRuns".to_string(), told),
    ])
}
