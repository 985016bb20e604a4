//! The same group of runs in both periods: how its usage moved, as far as that can be said.

use crate::money::{Usd, ratio_6_places};
use crate::report::measures::Measures;
use crate::report::table::{Cell, Column, Kind, column};

/// How usage moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    New,
    Gone,
    Up,
    Down,
    Same,
    /// Known costs moved, and unknown ones may turn that.
    Unclear,
    /// One side isn't known at all.
    NotJudged,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Gone => "gone",
            Change::Up => "up",
            Change::Down => "down",
            Change::Same => "same",
            Change::Unclear => "unclear",
            Change::NotJudged => "not judged",
        }
    }
}

/// A group of runs, and whether there may be more of it than these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) measures: Measures,
    pub(super) lacks_runs: bool,
}

impl Side {
    /// Its usage, which is none where there were no runs; `None` where it can't be told.
    pub(super) fn known(&self) -> Option<Usd> {
        match self.measures.runs() {
            0 => (!self.lacks_runs).then_some(Usd::default()),
            _ => self.measures.usage(),
        }
    }

    /// Whether its usage is only a lower bound.
    fn is_bound(&self) -> bool {
        self.lacks_runs || self.measures.cost_unknown() > 0
    }
}

/// The same group of runs in both periods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    before: Measures,
    now: Measures,
    pub(super) change: Change,
    /// By how many dollars known costs moved, where both sides have any.
    pub(super) moved: Option<Usd>,
}

impl Beside {
    pub(super) fn of(before: Side, now: Side) -> Beside {
        let sides = before.known().zip(now.known());
        let moved = sides.map(|(before, now)| Usd(now.0.saturating_sub(before.0)));
        let (ran_before, runs_now) = (before.measures.runs() > 0, now.measures.runs() > 0);
        let change = match moved {
            None => Change::NotJudged,
            Some(_) if !ran_before && runs_now => Change::New,
            Some(_) if ran_before && !runs_now => Change::Gone,
            // More may have been used before, or now: that only widens a change in its own direction.
            Some(usd) if usd.0 > 0 && !before.is_bound() => Change::Up,
            Some(usd) if usd.0 < 0 && !now.is_bound() => Change::Down,
            Some(_) if before.is_bound() || now.is_bound() => Change::Unclear,
            Some(_) => Change::Same,
        };
        Beside {
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

/// The columns of [`Beside::cells`].
pub(super) const SIDES: [Column; 9] = [
    column("change", "change", Kind::Key),
    column("runs_before", "runs before", Kind::Count),
    column("runs", "runs", Kind::Count),
    dollars("usage_before_usd", "before, $", ""),
    dollars("usage_total_usd", "usage, $", ""),
    dollars("change_usd", "moved, $", "not judged"),
    column("change_share", "by", Kind::Share),
    column("runs_cost_unknown_before", "no cost before", Kind::Count),
    column("runs_cost_unknown", "no cost", Kind::Count),
];

const fn dollars(name: &'static str, head: &'static str, absent: &'static str) -> Column {
    Column {
        absent,
        ..column(name, head, Kind::Usd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::row::Row;

    fn side(costs: &[Option<i128>], lacks_runs: bool) -> Side {
        let mut measures = Measures::default();
        for cost in costs {
            let run = Row {
                status: "SUCCEEDED",
                usage: cost.map(Usd),
                ..Row::default()
            };
            measures.add(&run).unwrap();
        }
        Side { measures, lacks_runs }
    }

    #[test]
    fn a_change_is_only_called_what_unknown_costs_cannot_turn() {
        let none: &[Option<i128>] = &[];
        let (unknown, five, nine) = (&[None][..], &[Some(5)][..], &[Some(9)][..]);
        let (five_and, nine_and) = (&[Some(5), None][..], &[Some(9), None][..]);
        let cases = [
            (five, nine, Change::Up, Some(4)),
            (nine, five, Change::Down, Some(-4)),
            (five, five, Change::Same, Some(0)),
            (none, five, Change::New, Some(5)),
            (five, none, Change::Gone, Some(-5)),
            (unknown, five, Change::NotJudged, None),
            (five, unknown, Change::NotJudged, None),
            // What is unknown now can only add to a rise, and turn a fall.
            (five, nine_and, Change::Up, Some(4)),
            (nine, five_and, Change::Unclear, Some(-4)),
            (nine_and, five, Change::Down, Some(-4)),
            (five_and, nine, Change::Unclear, Some(4)),
            (five_and, five, Change::Unclear, Some(0)),
        ];
        for (before, now, change, moved) in cases {
            let beside = Beside::of(side(before, false), side(now, false));
            assert_eq!(
                (beside.change, beside.moved),
                (change, moved.map(Usd)),
                "{before:?} {now:?}"
            );
        }
        // Where runs may be missing, none of an Actor is no proof that there were none.
        let change = |before, now| Beside::of(before, now).change;
        assert_eq!(change(side(none, true), side(five, false)), Change::NotJudged);
        assert_eq!(change(side(five, false), side(none, true)), Change::NotJudged);
        assert_eq!(change(side(five, true), side(nine, false)), Change::Unclear);
        assert_eq!(change(side(nine, true), side(five, false)), Change::Down);
    }
}
