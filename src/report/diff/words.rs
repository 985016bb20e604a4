//! The sentences about two exports and what they differ in. One wording for the terminal, for JSON's cautions, and for what
//! `export` says of the export that it replaced.

use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::provenance::{ChangeTotals, Source};
use crate::report::diff::moves::MovedRuns;
use crate::report::diff::prices::{PriceVerdict, VerdictKind};
use crate::report::diff::{ArchiveDiff, DiffSide};
use crate::report::headline::{at_least, filter_options, to_minute};
use crate::text::{counted, thousands};

impl ArchiveDiff {
    pub fn notice(&self) -> Option<&str> {
        self.old.notice.as_deref().or(self.new.notice.as_deref())
    }

    /// Why a difference of the two may be none of the runs.
    pub fn cautions(&self) -> Vec<String> {
        let (old, new) = (&self.old, &self.new);
        let id = |side: &DiffSide| side.account.as_ref().map(|account| account.id.clone());
        let period = |side: &DiffSide| (side.period.from, side.period.requested_to);
        let differing = [
            (old.source != new.source, "sources (Apify and the made-up account)"),
            (id(old).zip(id(new)).is_some_and(|(old, new)| old != new), "accounts"),
            (period(old) != period(new), "periods"),
            (old.filters != new.filters, "filters"),
        ];
        let differing: Vec<&str> = differing
            .iter()
            .filter(|(differ, _)| *differ)
            .map(|(_, what)| *what)
            .collect();
        let mut cautions = Vec::new();
        if !differing.is_empty() {
            cautions.push(format!(
                "OLD and NEW have different {}: runs that only one of them covers are shown as new or vanished",
                listed(&differing)
            ));
        }
        if let Some((earlier, later)) = apart(old, new) {
            cautions.push(format!(
                "OLD and NEW have no time in common, so that every run is new or vanished: to compare the figures of two periods, \
                 use apify-runs report {} --compare {}",
                later.path, earlier.path
            ));
        }
        if old.queried_at_ms > new.queried_at_ms {
            cautions.push("OLD was queried later than NEW".into());
        }
        for (side, name) in [(old, "OLD"), (new, "NEW")] {
            if !side.proven {
                cautions.push(format!("{name} is INCOMPLETE: it has fewer runs than the API counted"));
            }
        }
        cautions
    }
}

/// Two sides of which one is over before the other begins, in order of time.
fn apart<'s>(old: &'s DiffSide, new: &'s DiffSide) -> Option<(&'s DiffSide, &'s DiffSide)> {
    let is_before = |one: &DiffSide, other: &DiffSide| one.period.to <= other.period.from;
    match (is_before(old, new), is_before(new, old)) {
        (true, _) => Some((old, new)),
        (_, true) => Some((new, old)),
        _ => None,
    }
}

fn listed(what: &[&str]) -> String {
    match what {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(super) fn side(side: &DiffSide) -> Vec<String> {
    let mut lines = vec![side.path.clone(), side.period.first_line()];
    if let (Some(account), Source::Api) = (&side.account, side.source) {
        let name = account.username.as_deref().unwrap_or(&account.id);
        lines.push(format!("account {name}"));
    }
    lines.extend(filter_options(&side.filters).map(|only| format!("only {only}")));
    let totals = &side.totals;
    let bound = at_least(totals.runs_cost_unknown + totals.runs_provisional > 0 || !side.proven);
    let usage = match totals.usage_total_usd {
        Some(usd) => format!("{bound}{}", usd.dollars()),
        None if totals.runs == 0 => "no usage".into(),
        None => "unknown usage".into(),
    };
    let at = to_minute(&format_instant(side.queried_at_ms));
    lines.push(format!(
        "{}, {usage}, as priced by Apify on {at} UTC",
        counted(totals.runs, "run", "runs")
    ));
    lines
}

/// Dollars that moved, with their sign: `+$31.20`.
pub(super) fn signed(usd: Usd) -> String {
    let sign = if usd.0 > 0 { "+" } else { "" };
    format!("{sign}{}", usd.dollars())
}

/// A part's dollars; `unknown` where it has runs and none has a cost.
pub(super) fn dollars(part: &MovedRuns) -> String {
    part.usage().map_or("unknown".into(), signed)
}

pub(super) fn without_cost(runs: u64) -> Option<String> {
    (runs > 0).then(|| format!("and {} of unknown cost", counted(runs, "run", "runs")))
}

pub(super) fn verdict(diff: &ArchiveDiff) -> String {
    if diff.changes.total().net().runs > 0 {
        price_verdict(&diff.prices)
    } else if diff.cautions().is_empty() {
        match diff.changes.unchanged {
            0 => "OLD and NEW are the same: neither has a run".into(),
            runs => format!(
                "OLD and NEW are the same: none of {} differs",
                counted(runs, "run", "runs")
            ),
        }
    } else {
        "no run differs".into()
    }
}

pub(super) fn price_verdict(verdict: &PriceVerdict) -> String {
    let PriceVerdict { compared, changed, .. } = *verdict;
    let of_all = |costs: u64| format!("{} of {}", thousands(costs), counted(compared, "cost", "costs"));
    let alike = verdict.alike.unwrap_or_default();
    let factor = match verdict.factor.as_deref() {
        Some("0") | None => "below 0.000001".into(),
        Some(factor) => factor.to_string(),
    };
    match verdict.kind {
        VerdictKind::NothingComparable => {
            "unknown whether prices changed: no run has a settled cost in both OLD and NEW".into()
        }
        VerdictKind::NothingMoved => format!(
            "prices did not change: none of {} differs",
            counted(compared, "settled cost", "settled costs")
        ),
        VerdictKind::PricesMoved => format!("prices changed: factor {factor} for {}", of_all(alike)),
        VerdictKind::SomeMovedAlike => format!(
            "usage or some prices changed: {} changed, {} of them by the factor {factor}",
            of_all(changed),
            thousands(alike)
        ),
        VerdictKind::UsageMoved => format!(
            "usage changed, not prices: {} changed, no common factor",
            of_all(changed)
        ),
    }
}

/// All of it in one line: `+3 runs, 2 changed, +$31.20 since 2025-10-02`. What is nothing is left out.
pub fn line(changes: &ChangeTotals, queried_at_ms: Millis) -> String {
    let queried_at = format_instant(queried_at_ms);
    let since = &queried_at[..10];
    let some = |count: u64, text: String| (count > 0).then_some(text);
    let became = |costs: u64, how: &str, usage: Usd| {
        let usage = usage.dollars();
        some(
            costs,
            format!("{} became {how} ({usage})", counted(costs, "cost", "costs")),
        )
    };
    let (new, vanished, changed) = (changes.runs_new, changes.runs_vanished, changes.runs_changed);
    let parts = [
        some(new, format!("+{}", counted(new, "run", "runs"))),
        some(vanished, format!("{} vanished", thousands(vanished))),
        some(changed, format!("{} changed", thousands(changed))),
        changes.usage_moved_usd.filter(|usd| usd.0 != 0).map(signed),
        without_cost(changes.runs_cost_unknown),
        became(changes.costs_became_known, "known", changes.usage_became_known_usd),
        became(
            changes.costs_became_unknown,
            "unknown",
            changes.usage_became_unknown_usd,
        ),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        format!("no change since {since}")
    } else {
        format!("{} since {since}", parts.join(", "))
    }
}
