//! `sync --unusual`: the days that have become complete and settled since they were last judged, once each. The first time, the
//! last such day alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::archive::{Archive, Lake};
use crate::commands::sync::job::{SyncJob, SyncProgress};
use crate::commands::unusual::{ArchiveDays, hold};
use crate::context::blocking::{CancelFlag, run_blocking};
use crate::context::terminal::{say, warn};
use crate::error::Result;
use crate::lake::{JudgedDays, LakeTable};
use crate::report::unusual::{DAYS_BEFORE, Day, DayCosts, UnusualDays, day_of_ms, day_start};

/// Among so many days before a first sync with `--unusual`, the last complete and settled one is looked for.
const FIRST_DAYS: Day = 7;

/// What was judged, and the record of it.
pub struct SyncFindings {
    pub days: UnusualDays,
    lake: Lake,
    record: Option<JudgedDays>,
}

/// Judges the days that are to be judged; none where that was not asked for, or where nothing is proven.
pub async fn judge_days(job: Arc<SyncJob>, done: &SyncProgress) -> Result<Option<SyncFindings>> {
    let is_proven = |table: &LakeTable| !table.state().proven.is_empty();
    if !job.args.unusual.are_asked_for() || !done.table.as_deref().is_some_and(is_proven) {
        return Ok(None);
    }
    run_blocking(move |stop| judge_lake(Lake::open(&job.args.lake, None)?, stop).map(Some)).await
}

fn judge_lake(lake: Lake, stop: &CancelFlag) -> Result<SyncFindings> {
    let whole = lake.info()?.period;
    let end = day_of_ms(whole.to);
    let earlier = lake.table.judged_days()?;
    let candidates = candidates(earlier.as_ref(), end);
    let (Some(first), Some(last)) = (candidates.first().copied(), candidates.last().copied()) else {
        return Ok(SyncFindings {
            days: UnusualDays::default(),
            lake,
            record: None,
        });
    };
    let days = ArchiveDays::of_lake(&lake, whole, stop);
    let from = days.history_start(first);
    let mut costs = DayCosts::default();
    days.read(&mut costs, (from, day_start(last + 1)))?;
    let complete = days.complete(day_start(first), day_start(last + 1)).into_iter();
    let usable = complete.filter(|day| candidates.contains(day) && costs.is_settled(*day));
    let mut asked: Vec<Day> = usable.collect();
    let mut open: Vec<Day> = candidates.into_iter().filter(|day| !asked.contains(day)).collect();
    if earlier.is_none() {
        asked = asked.split_off(asked.len().saturating_sub(1));
        open.retain(|day| asked.first().is_some_and(|asked| day > asked));
    }
    let found = days.judge(costs, from, &asked)?;
    let spans = open.into_iter().map(|day| (day_start(day), day_start(day + 1)));
    let record = JudgedDays::new(&lake.table, day_start(end), spans.collect());
    Ok(SyncFindings {
        days: found,
        // Before there is a day that could be judged, every sync looks anew.
        record: (earlier.is_some() || !asked.is_empty()).then_some(record),
        lake,
    })
}

/// The days that were not judged yet, before the end of those that are over.
fn candidates(earlier: Option<&JudgedDays>, end: Day) -> BTreeSet<Day> {
    let Some(earlier) = earlier else {
        return (end - FIRST_DAYS..end).collect();
    };
    let open = earlier.open.iter().map(|(from, _)| day_of_ms(*from));
    let all = open.chain(day_of_ms(earlier.until)..end);
    // What doesn't settle for so long is given up.
    all.filter(|day| *day >= end - DAYS_BEFORE && *day < end).collect()
}

/// Says what was found, and records that it was said; exit 7 if it must not be.
pub async fn finish(job: Arc<SyncJob>, found: Option<SyncFindings>) -> Result<()> {
    let Some(SyncFindings { days, lake, record }) = found else {
        return Ok(());
    };
    let args = job.args.unusual;
    if !args.fail_unusual {
        days.sentences().iter().for_each(|finding| warn(finding));
    }
    if let Some(not_judged) = days.not_judged_sentence() {
        say(&format!("unusual days {not_judged}"));
    }
    if let Some(record) = record {
        let recorded = run_blocking(move |_| lake.table.record_judged_days(&record)).await;
        if let Err(error) = recorded {
            warn(&format!(
                "the next sync will report the same unusual days again: {error}"
            ));
        }
    }
    hold(args, Some(&days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_candidates_until_they_were_judged_and_a_month_at_most() {
        let day = |day: Day| (day_start(day), day_start(day + 1));
        let set = |days: &[Day]| days.iter().copied().collect::<BTreeSet<Day>>();
        assert_eq!(candidates(None, 100), set(&[93, 94, 95, 96, 97, 98, 99]));
        let earlier = |until: Day, open: &[Day]| -> JudgedDays {
            let open: Vec<_> = open.iter().map(|at| day(*at)).collect();
            let text = serde_json::json!({
                "table": "t",
                "until": crate::period::format_instant(day_start(until)),
                "open": open.iter().map(|(from, to)| [*from, *to].map(crate::period::format_instant)).collect::<Vec<_>>(),
            });
            serde_json::from_value(text).unwrap()
        };
        assert_eq!(candidates(Some(&earlier(98, &[60, 95])), 100), set(&[95, 98, 99]));
        assert_eq!(candidates(Some(&earlier(100, &[])), 100), set(&[]));
        // A clock that was ahead.
        assert_eq!(candidates(Some(&earlier(105, &[102])), 100), set(&[]));
    }
}
