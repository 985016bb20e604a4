//! The same group of runs in both periods: how its usage moved, as far as that can be said.

use crate::money::{Usd, ratio_6_places};
use crate::report::measures::Measures;
use crate::report::table::{Cell, CellKind, TableColumn, column};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsageChange {
    New,
    Gone,
    Up,
    Down,
    Same,
    /// Known costs moved, and unknown ones may turn that.
    Unclear,
    NotJudged,
}

impl UsageChange {
    fn word(self) -> &'static str {
        match self {
            UsageChange::New => "new",
            UsageChange::Gone => "gone",
            UsageChange::Up => "up",
            UsageChange::Down => "down",
            UsageChange::Same => "same",
            UsageChange::Unclear => "unclear",
            UsageChange::NotJudged => "not judged",
        }
    }
}

/// A group of runs, and whether there may be more of it than these.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeriodSide {
    pub(super) measures: Measures,
    pub(super) lacks_runs: bool,
}

impl PeriodSide {
    pub(super) fn new(measures: Measures, lacks_runs: bool) -> PeriodSide {
        PeriodSide { measures, lacks_runs }
    }

    /// Its usage, which is none where there were no runs; `None` where it can't be told.
    pub(super) fn known(&self) -> Option<Usd> {
        match self.measures.runs() {
            0 => (!self.lacks_runs).then_some(Usd::default()),
            _ => self.measures.usage(),
        }
    }

    fn is_bound(&self) -> bool {
        self.lacks_runs || self.measures.cost_unknown() > 0
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PairedMeasures {
    before: Measures,
    now: Measures,
    pub(super) change: UsageChange,
    /// By how many dollars known costs moved, where both sides have any.
    pub(super) moved: Option<Usd>,
}

impl PairedMeasures {
    pub(super) fn of(before: PeriodSide, now: PeriodSide) -> PairedMeasures {
        let sides = before.known().zip(now.known());
        let moved = sides.map(|(before, now)| Usd(now.0.saturating_sub(before.0)));
        let (ran_before, runs_now) = (before.measures.runs() > 0, now.measures.runs() > 0);
        let change = match moved {
            None => UsageChange::NotJudged,
            Some(_) if !ran_before && runs_now => UsageChange::New,
            Some(_) if ran_before && !runs_now => UsageChange::Gone,
            // More may have been used before, or now: that only widens a change in its own direction.
            Some(usd) if usd.0 > 0 && !before.is_bound() => UsageChange::Up,
            Some(usd) if usd.0 < 0 && !now.is_bound() => UsageChange::Down,
            Some(_) if before.is_bound() || now.is_bound() => UsageChange::Unclear,
            Some(_) => UsageChange::Same,
        };
        PairedMeasures {
            before: before.measures,
            now: now.measures,
            change,
            moved,
        }
    }

    pub(super) fn cells<'r>(&self) -> Vec<Cell<'r>> {
        let moved = self.before.usage().zip(self.moved);
        vec![
            Cell::text(Some(self.change.word())),
            Cell::Count(self.before.runs()),
            Cell::Count(self.now.runs()),
            Cell::usd(self.before.usage()),
            Cell::usd(self.now.usage()),
            Cell::usd(self.moved),
            Cell::decimal(moved.and_then(|(before, moved)| ratio_6_places(moved.0, before.0))),
            Cell::Count(self.before.cost_unknown()),
            Cell::Count(self.now.cost_unknown()),
        ]
    }
}

/// The columns of [`PairedMeasures::cells`].
pub(super) const SIDES: [TableColumn; 9] = [
    TableColumn {
        words: &[("not judged", "unknown")],
        ..column("change", "change", CellKind::Key)
    },
    column("runs_before", "previous runs", CellKind::Count),
    column("runs", "runs", CellKind::Count),
    dollars("usage_before_usd", "previous usage, $", ""),
    dollars("usage_total_usd", "usage, $", ""),
    dollars("change_usd", "change, $", "unknown"),
    column("change_share", "relative change", CellKind::Change),
    column("runs_cost_unknown_before", "previous cost unknown", CellKind::Count),
    column("runs_cost_unknown", "cost unknown", CellKind::Count),
];

const fn dollars(name: &'static str, head: &'static str, absent: &'static str) -> TableColumn {
    TableColumn {
        absent,
        ..column(name, head, CellKind::Usd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::row::Row;

    fn side(costs: &[Option<i128>], lacks_runs: bool) -> PeriodSide {
        let mut measures = Measures::default();
        for cost in costs {
            let run = Row {
                status: "SUCCEEDED",
                usage: cost.map(Usd),
                ..Row::default()
            };
            measures.add(&run).unwrap();
        }
        PeriodSide { measures, lacks_runs }
    }

    #[test]
    fn a_change_is_only_called_what_unknown_costs_cannot_turn() {
        let none: &[Option<i128>] = &[];
        let (unknown, five, nine) = (&[None][..], &[Some(5)][..], &[Some(9)][..]);
        let (five_and, nine_and) = (&[Some(5), None][..], &[Some(9), None][..]);
        let cases = [
            (five, nine, UsageChange::Up, Some(4)),
            (nine, five, UsageChange::Down, Some(-4)),
            (five, five, UsageChange::Same, Some(0)),
            (none, five, UsageChange::New, Some(5)),
            (five, none, UsageChange::Gone, Some(-5)),
            (unknown, five, UsageChange::NotJudged, None),
            (five, unknown, UsageChange::NotJudged, None),
            // What is unknown now can only add to a rise, and turn a fall.
            (five, nine_and, UsageChange::Up, Some(4)),
            (nine, five_and, UsageChange::Unclear, Some(-4)),
            (nine_and, five, UsageChange::Down, Some(-4)),
            (five_and, nine, UsageChange::Unclear, Some(4)),
            (five_and, five, UsageChange::Unclear, Some(0)),
        ];
        for (before, now, change, moved) in cases {
            let beside = PairedMeasures::of(side(before, false), side(now, false));
            assert_eq!(
                (beside.change, beside.moved),
                (change, moved.map(Usd)),
                "{before:?} {now:?}"
            );
        }
        // Where runs may be missing, none of an Actor is no proof that there were none.
        let change = |before, now| PairedMeasures::of(before, now).change;
        assert_eq!(change(side(none, true), side(five, false)), UsageChange::NotJudged);
        assert_eq!(change(side(five, false), side(none, true)), UsageChange::NotJudged);
        assert_eq!(change(side(five, true), side(nine, false)), UsageChange::Unclear);
        assert_eq!(change(side(nine, true), side(five, false)), UsageChange::Down);
    }
}
