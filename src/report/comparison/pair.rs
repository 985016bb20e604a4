//! The same group of runs in both periods: how its usage moved, as far as that can be said.

use crate::money::{Ratio, Usd, ratio_6_places};
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
    /// What files have for it.
    pub(super) fn code(self) -> &'static str {
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

    /// Whether there may be more of it than is known.
    pub(super) fn is_bound(&self) -> bool {
        self.lacks_runs || self.measures.cost_unknown() > 0
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PairedMeasures {
    pub(super) before: PeriodSide,
    pub(super) now: PeriodSide,
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
            before,
            now,
            change,
            moved,
        }
    }

    /// Whether what is unknown can't turn the change.
    pub(super) fn is_judged(&self) -> bool {
        self.doubt() == 0
    }

    /// How little is known of the change: 0 where it is judged, 2 where no amount is known.
    pub(super) fn doubt(&self) -> u8 {
        match self.change {
            UsageChange::NotJudged => 2,
            UsageChange::Unclear => 1,
            _ => 0,
        }
    }

    /// Runs of both sides that are in no amount.
    pub(super) fn cost_unknown(&self) -> u64 {
        self.before.measures.cost_unknown() + self.now.measures.cost_unknown()
    }

    /// By which part of the earlier usage it moved.
    pub(super) fn share(&self) -> Option<Ratio> {
        let (before, moved) = self.before.measures.usage().zip(self.moved)?;
        ratio_6_places(moved.0, before.0)
    }

    pub(super) fn cells<'r>(&self) -> Vec<Cell<'r>> {
        let (before, now) = (&self.before.measures, &self.now.measures);
        let share = Cell::decimal(self.share());
        vec![
            Cell::text(Some(self.change.code())).worded(self.change_words()),
            Cell::Count(before.runs()),
            Cell::Count(now.runs()),
            Cell::usd(before.usage()),
            Cell::usd(now.usage()),
            Cell::usd(self.moved),
            match self.factor_words() {
                Some(words) => share.worded(words),
                None => share,
            },
            Cell::Count(before.cost_unknown()),
            Cell::Count(now.cost_unknown()),
        ]
    }
}

/// The columns of [`PairedMeasures::cells`].
pub(super) const SIDES: [TableColumn; 9] = [
    column("change", "change", CellKind::Key),
    column("runs_before", "previous runs", CellKind::Count),
    column("runs", "runs", CellKind::Count),
    dollars("usage_before_usd", "previous usage, $", ""),
    dollars("usage_total_usd", "usage, $", ""),
    dollars("change_usd", "change, $", "unknown"),
    first(column("change_share", "relative change", CellKind::Change)),
    column("runs_cost_unknown_before", "previous cost unknown", CellKind::Count),
    column("runs_cost_unknown", "cost unknown", CellKind::Count),
];

const fn dollars(name: &'static str, head: &'static str, absent: &'static str) -> TableColumn {
    first(TableColumn {
        absent,
        ..column(name, head, CellKind::Usd)
    })
}

const fn first(column: TableColumn) -> TableColumn {
    TableColumn {
        comes_first: true,
        ..column
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::runs::row::Row;

    pub(in crate::report::comparison) fn side(costs: &[Option<i128>], lacks_runs: bool) -> PeriodSide {
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
