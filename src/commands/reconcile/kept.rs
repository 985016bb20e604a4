//! A billing cycle that an export holds whole: its runs, its builds and what Apify counted, so that nobody is asked again.

use chrono::NaiveDate;

use crate::archive;
use crate::archive::Archive;
use crate::cli::{ArchiveAddress, ReconcileArgs};
use crate::commands::reconcile::Reconciled;
use crate::commands::reconcile::cycle_runs::of_archive;
use crate::context::blocking::run_blocking;
use crate::error::Result;
use crate::fetch::usage::utc_day;
use crate::period::{Period, Zone, format_instant};
use crate::provenance::CycleFacts;
use crate::report::account_usage::AccountUsage;
use crate::report::reconcile::Reconciliation;

/// The reconciliation of a cycle that is over and that an export holds whole; none where it doesn't, so that Apify is asked.
pub async fn from_export(args: &ReconcileArgs) -> Result<Option<Reconciled>> {
    let Some(site) = args.path.clone().filter(|_| !args.last_cycle) else {
        return Ok(None);
    };
    let (as_of, wanted, tolerance) = (args.as_of, args.cycle, args.tolerance);
    run_blocking(move |_| {
        archive::read(|opening| {
            let archive = opening.open(&site, as_of)?;
            let kept = reconciled(&site, archive.as_ref(), wanted)?;
            Ok(kept.map(|mut kept| {
                kept.reconciliation.tolerance = tolerance;
                kept
            }))
        })
    })
    .await
}

fn reconciled(site: &ArchiveAddress, archive: &dyn Archive, wanted: Option<NaiveDate>) -> Result<Option<Reconciled>> {
    let held = archive.info()?;
    let usage = archive.usage(&held.period)?.filter(|_| held.filters.is_empty());
    let cycle = usage.as_ref().and_then(|usage| held_cycle(usage, wanted));
    let (Some(usage), Some(cycle)) = (usage, cycle) else {
        return Ok(None);
    };
    let period = Period {
        from: cycle.from,
        to: cycle.to,
        requested_to: cycle.to,
        timezone: Zone::UTC,
    };
    // This checks what `usage` was read from, too.
    let source = of_archive(site, archive, &period)?;
    let usage = match (period.from, period.to) == (held.period.from, held.period.to) {
        true => usage,
        false => usage.part(&period),
    };
    let counted_at = usage
        .facts
        .counted
        .as_ref()
        .map_or(held.queried_at_ms, |counted| counted.queried_at_ms);
    let counted_from = format!("from {site}, queried at {}", format_instant(counted_at));
    let Some(of_cycle) = usage.cycles().into_iter().next() else {
        return Ok(None);
    };
    Ok(Some(Reconciled {
        reconciliation: Reconciliation::new(
            &source.facts,
            source.runs,
            &usage,
            of_cycle,
            (source.from, counted_from),
        ),
        facts: source.facts,
        figures: source.figures,
        usage,
    }))
}

/// The cycle of a date, or the only one: if it is over, and all of its days are there. What contradicted itself is asked for again.
fn held_cycle(usage: &AccountUsage, wanted: Option<NaiveDate>) -> Option<CycleFacts> {
    let counted = usage
        .facts
        .counted
        .as_ref()
        .filter(|counted| counted.notes.is_empty())?;
    let is_wanted = |cycle: &&CycleFacts| match (wanted, utc_day(cycle.from), utc_day(cycle.to)) {
        (Some(date), Ok(from), Ok(to)) => (from..to).contains(&date),
        _ => true,
    };
    let is_whole = |cycle: &&CycleFacts| cycle.is_over && counted.holds(cycle);
    let mut cycles = counted.cycles.iter().filter(is_wanted).filter(is_whole);
    let cycle = cycles.next()?;
    cycles.next().is_none().then(|| cycle.clone())
}
