//! What the change of an Actor's usage is made of: its runs at what a run cost before, and what a run costs. The latter, where
//! details tell it, of events: their prices, and how many of them a run charges. Which term comes first, and takes the
//! joint effect, is a convention: docs/reports.md has it. Terms add up to the change to the last digit.

use std::collections::BTreeSet;

use super::pair::PairedMeasures;
use crate::money::{Usd, scaled};
use crate::report::table::{Cell, CellKind, TableColumn, column};
use crate::report::unit_costs::ActorUnits;

/// Exact: `volume + cost_per_run` is the change of known costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChangeTerms {
    /// More or fewer runs, each at the mean cost of before.
    volume: Usd,
    cost_per_run: Usd,
    /// Of the cost per run; none where events don't tell it.
    events: Option<EventTerms>,
}

/// Exact: they add up to the change by the cost per run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventTerms {
    /// Prices, at the quantities of before for as many runs as now.
    price: Usd,
    /// Quantities, at the prices of now.
    quantity: Usd,
    /// What is no event's, and what division leaves.
    other: Usd,
}

/// The columns of [`ChangeTerms::cells`].
pub(super) const TERMS: [TableColumn; 5] = [
    term("volume_usd", "volume, $"),
    term("cost_per_run_usd", "cost per run, $"),
    term("event_price_usd", "event prices, $"),
    term("event_quantity_usd", "events per run, $"),
    term("other_usd", "other, $"),
];

const fn term(name: &'static str, head: &'static str) -> TableColumn {
    TableColumn {
        absent: "",
        is_minor: true,
        ..column(name, head, CellKind::Usd)
    }
}

/// Both sides of an event.
#[derive(Debug, Clone, Copy, Default)]
struct EventSide {
    usd: Usd,
    count: u64,
}

impl ChangeTerms {
    /// `None` where no change is known. An Actor without runs of known cost before changed by its runs alone.
    pub(super) fn of(pair: &PairedMeasures, units: [Option<&ActorUnits>; 2]) -> Option<ChangeTerms> {
        let moved = pair.moved?;
        let runs = [&pair.before, &pair.now].map(|side| side.measures.cost_known());
        let [runs_before, runs_now] = runs.map(i128::from);
        let volume = match runs_before {
            0 => moved,
            _ => scaled(pair.before.known()?, runs_now - runs_before, runs_before)?,
        };
        let cost_per_run = minus(moved, volume)?;
        let [before, now] = units;
        let events = before.zip(now).and_then(|units| event_terms(units, runs, cost_per_run));
        Some(ChangeTerms {
            volume,
            cost_per_run,
            events,
        })
    }

    pub(super) fn cells<'r>(terms: Option<&ChangeTerms>) -> [Cell<'r>; TERMS.len()] {
        let events = terms.and_then(|terms| terms.events);
        [
            Cell::usd(terms.map(|terms| terms.volume)),
            Cell::usd(terms.map(|terms| terms.cost_per_run)),
            Cell::usd(events.map(|events| events.price)),
            Cell::usd(events.map(|events| events.quantity)),
            Cell::usd(events.map(|events| events.other)),
        ]
    }
}

/// `None` where details don't cover all runs of known cost, or the dollars of an event are unknown.
fn event_terms((before, now): (&ActorUnits, &ActorUnits), runs: [u64; 2], all: Usd) -> Option<EventTerms> {
    let is_covered = [before, now].map(|units| units.runs.counted) == runs && !runs.contains(&0);
    let names: BTreeSet<&str> = [before, now]
        .iter()
        .flat_map(|units| units.by_event.iter().filter(|(_, event)| event.events > 0))
        .map(|(name, _)| &**name)
        .collect();
    if !is_covered || names.is_empty() {
        return None;
    }
    let [runs_before, runs_now] = runs.map(i128::from);
    let (mut price, mut quantity) = (Usd::default(), Usd::default());
    for name in names {
        let (old, new) = (EventSide::of(before, name)?, EventSide::of(now, name)?);
        // For as many runs as now, at the prices of before and of now.
        let at_old_price = scaled(old.usd, runs_now, runs_before)?;
        let at_new_price = match (old.count, new.count) {
            // A price that there isn't on one side has not changed.
            (0, _) | (_, 0) => at_old_price,
            (old_count, new_count) => {
                let numerator = i128::from(old_count).checked_mul(runs_now)?;
                scaled(new.usd, numerator, i128::from(new_count).checked_mul(runs_before)?)?
            }
        };
        price = plus(price, minus(at_new_price, at_old_price)?)?;
        quantity = plus(quantity, minus(new.usd, at_new_price)?)?;
    }
    Some(EventTerms {
        price,
        quantity,
        other: minus(minus(all, price)?, quantity)?,
    })
}

impl EventSide {
    /// None of it where no run charged it; `None` where it was charged and its dollars are unknown.
    fn of(units: &ActorUnits, name: &str) -> Option<EventSide> {
        match units.by_event.get(name).filter(|event| event.events > 0) {
            None => Some(EventSide::default()),
            Some(event) => Some(EventSide {
                usd: event.usd()?,
                count: event.events,
            }),
        }
    }
}

fn plus(a: Usd, b: Usd) -> Option<Usd> {
    a.0.checked_add(b.0).map(Usd)
}

fn minus(a: Usd, b: Usd) -> Option<Usd> {
    a.0.checked_sub(b.0).map(Usd)
}
