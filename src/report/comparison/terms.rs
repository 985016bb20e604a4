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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::comparison::pair::PeriodSide;
    use crate::report::measures::Measures;
    use crate::report::unit_costs::UnitCosts;
    use crate::runs::row::Row;
    use crate::runs::row_detail::RowDetail;

    /// A run of an Actor: its cost, how much of it is platform usage, which event it charged, and how often.
    type Run = (Option<i128>, i128, Option<(&'static str, u64)>);

    fn side(runs: &[Run]) -> (PeriodSide, UnitCosts) {
        let (mut measures, mut units) = (Measures::default(), UnitCosts::default());
        for (cost, metered, event) in runs {
            let json = event.map(|(name, count)| format!(r#"{{"{name}":{count}}}"#));
            let row = Row {
                status: "SUCCEEDED",
                usage: cost.map(Usd),
                detail: Some(RowDetail {
                    compute_units: Some(0),
                    duration_millis: Some(0),
                    charged_event_counts: json.as_deref(),
                    metered: Some(Usd(*metered)),
                }),
                ..Row::default()
            };
            measures.add(&row).unwrap();
            units.add(0, &row);
        }
        (PeriodSide::new(measures, false), units)
    }

    fn terms(before: &[Run], now: &[Run]) -> Option<(PairedMeasures, ChangeTerms)> {
        let ((before, old), (now, new)) = (side(before), side(now));
        let pair = PairedMeasures::of(before, now);
        Some((
            pair,
            ChangeTerms::of(&pair, [&old, &new].map(|units| units.of_actor(0)))?,
        ))
    }

    fn of_events(before: &[Run], now: &[Run]) -> Option<[i128; 3]> {
        let events = terms(before, now)?.1.events?;
        Some([events.price, events.quantity, events.other].map(|usd| usd.0))
    }

    #[test]
    fn the_joint_effect_and_what_division_leaves_go_to_the_later_terms() {
        let plain = |costs: &[i128]| -> Vec<Run> { costs.iter().map(|cost| (Some(*cost), 0, None)).collect() };
        let of = |before: &[i128], now: &[i128]| {
            let (_, terms) = terms(&plain(before), &plain(now)).unwrap();
            (terms.volume.0, terms.cost_per_run.0, terms.events)
        };
        // A third run at 50, and then 3 runs at 70.
        assert_eq!(of(&[40, 60], &[70, 70, 70]), (50, 60, None));
        // A third of 10 is 3, and 3 times 3 1/3 is 10.
        assert_eq!(of(&[4, 3, 3], &[5, 5, 5, 5]), (3, 7, None));
        // New and gone: runs alone.
        assert_eq!(of(&[], &[7, 8]), (15, 0, None));
        assert_eq!(of(&[7, 8], &[]), (-15, 0, None));
    }

    #[test]
    fn events_explain_the_cost_per_run_where_each_price_is_known() {
        let page = |cost, metered, count| (Some(cost), metered, Some(("page", count)));
        let before = [page(20, 0, 10), page(20, 0, 10)];
        // 30 of platform usage; 36 pages at 3 instead of 30 at 2.
        let now = [page(50, 20, 10), page(40, 10, 10), page(48, 0, 16)];
        assert_eq!(of_events(&before, &now), Some([30, 18, 30]));
        // An event of one side alone is a quantity: 3 runs at 20 gone, 9 come.
        let other = [(Some(9), 0, Some(("file", 3)))];
        assert_eq!(of_events(&before, &other), Some([0, 9 - 20, 0]));
        // Nothing is told where a side has no runs or no events.
        assert_eq!(of_events(&[], &now), None);
        assert_eq!(of_events(&[(Some(5), 0, None)], &[(Some(9), 0, None)]), None);
    }

    fn run() -> impl Strategy<Value = Run> {
        let event = prop::option::of((prop::sample::select(vec!["a", "b", "c"]), 1..1_000_u64));
        let cost = prop::option::weighted(0.9, -1_000_000_000_000_000_000_i128..1_000_000_000_000_000_000_000);
        (cost, event).prop_map(|(cost, event)| (cost, 0, event))
    }

    proptest! {
        #[test]
        fn terms_add_up_to_the_last_digit(
            before in prop::collection::vec(run(), 0..12),
            now in prop::collection::vec(run(), 0..12),
            metered in prop_oneof![Just(0), 1..1_000_000_i128],
        ) {
            let now: Vec<Run> = now.into_iter().map(|(cost, _, event)| (cost, metered, event)).collect();
            if let Some((pair, terms)) = terms(&before, &now) {
                let known = |runs: &[Run]| runs.iter().filter_map(|(cost, ..)| *cost).collect::<Vec<i128>>();
                let (old, new) = (known(&before), known(&now));
                let moved = new.iter().sum::<i128>() - old.iter().sum::<i128>();
                prop_assert_eq!(pair.moved, Some(Usd(moved)));
                prop_assert_eq!(terms.volume.0 + terms.cost_per_run.0, moved);
                let (runs_before, more) = (old.len() as i128, new.len() as i128 - old.len() as i128);
                let rounding = terms.volume.0 * runs_before - more * old.iter().sum::<i128>();
                prop_assert!(old.is_empty() || 2 * rounding.abs() <= runs_before);
                if let Some(EventTerms { price, quantity, other }) = terms.events {
                    prop_assert_eq!(price.0 + quantity.0 + other.0, terms.cost_per_run.0);
                    // With no usage but that of events, nothing but rounding is left.
                    let all_charge = before.iter().chain(&now).all(|(cost, _, event)| cost.is_none() || event.is_some());
                    prop_assert!(metered > 0 || !all_charge || other.0.abs() <= 4);
                }
            }
        }
    }
}
