//! How usage moved, in words: a cell's few, and a sentence with figures.

use std::borrow::Cow;

use super::pair::{PairedMeasures, PeriodSide, UsageChange};
use crate::money::Usd;
use crate::report::headline::at_least;
use crate::text::{counted, thousands};

impl PeriodSide {
    /// Its usage, `at least` where it is; none where it is unknown.
    pub(super) fn dollars(&self) -> Option<String> {
        self.dollars_per(1)
    }

    /// The same per day of so many. What the division cuts off is less than 10^-18 dollars.
    pub(super) fn dollars_per(&self, days: i64) -> Option<String> {
        let usd = Usd(self.known()?.0.checked_div(days.into())?);
        let bound = at_least(self.lacks_runs || self.measures.is_at_least());
        Some(format!("{bound}{}", usd.dollars()))
    }
}

impl PairedMeasures {
    /// What people read instead of the code of a change, in a cell.
    pub(super) fn change_words(&self) -> Cow<'static, str> {
        match self.change {
            UsageChange::NotJudged => "unknown".into(),
            UsageChange::Unclear => {
                let direction = self.moved.map_or("", direction);
                match self.cost_unknown() {
                    0 => format!("{direction}; runs may be missing").into(),
                    runs => format!("{direction}; {} no known cost", have(runs)).into(),
                }
            }
            judged => judged.code().into(),
        }
    }

    /// What people read instead of a percentage that would say little: `new` for a rise from nothing, else the factor of a
    /// rise to tenfold or more.
    pub(super) fn factor_words(&self) -> Option<String> {
        let was_nothing = self.before.known() == Some(Usd::default());
        if was_nothing && self.moved.is_some_and(|usd| usd.0 > 0) {
            return Some("new".into());
        }
        let factor = self.share()?.tenfold_factor()?;
        Some(format!("×{}", thousands(factor)))
    }

    /// How usage moved, by how much, and how certain that is.
    pub(super) fn sentence(&self) -> String {
        let Some(moved) = self.moved else {
            return format!("change unknown: {}", self.why_unknown());
        };
        let bound = at_least(self.is_judged() && (self.before.is_bound() || self.now.is_bound()));
        let amount = Usd(moved.0.saturating_abs()).dollars();
        let change = match (moved.0, self.relative()) {
            (0, _) => "no change".into(),
            (_, None) => format!("{} {bound}{amount}", direction(moved)),
            (_, Some(relative)) => format!("{} {bound}{amount} ({relative})", direction(moved)),
        };
        match (self.is_judged(), self.cost_unknown()) {
            (true, 0) => change,
            (true, runs) => format!("{change}; {} no known cost", have(runs)),
            (false, 0) => format!("{change} among the runs that were received; missing runs could change this"),
            (false, runs) => {
                let runs = have(runs);
                format!("{change} among runs with a known cost; {runs} none and could change this")
            }
        }
    }

    /// The relative change without its sign.
    fn relative(&self) -> Option<String> {
        self.factor_words().or_else(|| {
            let percent = self.share()?.percent()?;
            Some(percent.trim_start_matches('-').to_string())
        })
    }

    fn why_unknown(&self) -> String {
        let sides = [(self.before, "of the previous period"), (self.now, "of this period")];
        let unknown = sides.iter().filter(|(side, _)| side.known().is_none());
        let why = unknown.map(|(side, period)| match side.measures.runs() {
            0 => format!("runs {period} may be missing"),
            _ => format!("no run {period} has a known cost"),
        });
        why.collect::<Vec<_>>().join("; ")
    }
}

fn direction(moved: Usd) -> &'static str {
    match moved.0 {
        0 => "same",
        1.. => "up",
        _ => "down",
    }
}

fn have(runs: u64) -> String {
    counted(runs, "run has", "runs have")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::pair::tests::side;

    const DOLLAR: i128 = 1_000_000_000_000_000_000;

    fn sentence(before: (&[Option<i128>], bool), now: (&[Option<i128>], bool)) -> String {
        let dollars = |costs: &[Option<i128>]| {
            costs
                .iter()
                .map(|cost| cost.map(|usd| usd * DOLLAR))
                .collect::<Vec<_>>()
        };
        let [before, now] = [before, now].map(|(costs, lacks_runs)| side(&dollars(costs), lacks_runs));
        PairedMeasures::of(before, now).sentence()
    }

    #[test]
    fn a_sentence_says_how_certain_a_change_is() {
        let none: &[Option<i128>] = &[];
        let (unknown, one, five, nine) = (&[None][..], &[Some(1)][..], &[Some(5)][..], &[Some(9)][..]);
        let (five_and, nine_and) = (&[Some(5), None][..], &[Some(9), None][..]);
        let cases = [
            (five, nine, "up $4.00 (80.0%)"),
            (nine, five, "down $4.00 (44.4%)"),
            (five, five, "no change"),
            (none, five, "up $5.00 (new)"),
            (five, none, "down $5.00 (100.0%)"),
            (one, &[Some(28)][..], "up $27.00 (×28)"),
            (five, nine_and, "up at least $4.00 (80.0%); 1 run has no known cost"),
            (
                nine,
                five_and,
                "down $4.00 (44.4%) among runs with a known cost; 1 run has none and could change this",
            ),
            (
                five_and,
                five_and,
                "no change among runs with a known cost; 2 runs have none and could change this",
            ),
            (
                unknown,
                five,
                "change unknown: no run of the previous period has a known cost",
            ),
            (five, unknown, "change unknown: no run of this period has a known cost"),
        ];
        for (before, now, expected) in cases {
            assert_eq!(sentence((before, false), (now, false)), expected, "{before:?} {now:?}");
        }
        assert_eq!(
            sentence((five, true), (nine, false)),
            "up $4.00 (80.0%) among the runs that were received; missing runs could change this"
        );
        assert_eq!(
            sentence((none, true), (unknown, false)),
            "change unknown: runs of the previous period may be missing; no run of this period has a known cost"
        );
        // What is missing before can only add to a fall.
        assert_eq!(sentence((nine, true), (five, false)), "down at least $4.00 (44.4%)");
    }
}
