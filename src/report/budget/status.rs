//! How a budget stands: what is spent of it, what will be, and the verdict.

use super::{Budget, BudgetScope};
use crate::money::{Ratio, Usd, scaled_6_places};
use crate::period::Period;
use crate::report::figures::Figures;
use crate::report::headline::at_least;
use crate::report::measures::Measures;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Within,
    /// What is known to be spent is no more, and it isn't all.
    WithinAsKnown,
    /// It isn't spent, and will be before the period ends if it goes on like this.
    Heading,
    Over,
    /// No cost of these runs is known, or there may be runs that are not there at all.
    NotJudged,
}

/// What people read for each value of `standing`.
pub(super) const STANDINGS: &[(&str, &str)] = &[
    ("within", "within budget"),
    ("within, as far as known", "within budget (some costs unknown)"),
    ("heading over", "on course to exceed the budget"),
    ("OVER", "OVER BUDGET"),
    ("not judged", "unknown"),
];

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Within => "within",
            Standing::WithinAsKnown => "within, as far as known",
            Standing::Heading => "heading over",
            Standing::Over => "OVER",
            Standing::NotJudged => "not judged",
        }
    }

    /// The same for people.
    pub fn shown(self) -> &'static str {
        let word = self.word();
        let shown = STANDINGS.iter().find(|(value, _)| *value == word);
        shown.map_or(word, |(_, shown)| shown)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStatus {
    pub budget: Budget,
    pub measures: Measures,
    /// US dollars of those, zero where there were none; `None` where that can't be told.
    pub usage: Option<Usd>,
    pub is_at_least: bool,
    /// US dollars by the end of a period that isn't over, if it goes on like this; 6 places.
    pub projected: Option<Ratio>,
    pub standing: Standing,
}

impl BudgetStatus {
    pub fn of(budget: &Budget, figures: &Figures, period: &Period, lacks_runs: bool) -> BudgetStatus {
        let measures = budget.spent(figures).unwrap_or_default();
        let usage = match measures.runs() {
            0 => (!lacks_runs).then_some(Usd::default()),
            _ => measures.usage(),
        };
        let (so_far, whole) = (period.to - period.from, period.requested_to - period.from);
        let projected = usage
            .filter(|_| period.is_cut())
            .and_then(|usage| scaled_6_places(usage, whole, so_far));
        let will_be = projected.and_then(Ratio::usd);
        let standing = match usage {
            None => Standing::NotJudged,
            Some(usage) if usage > budget.amount => Standing::Over,
            Some(_) if will_be.is_some_and(|usd| usd > budget.amount) => Standing::Heading,
            Some(_) if lacks_runs || measures.cost_unknown() > 0 => Standing::WithinAsKnown,
            Some(_) => Standing::Within,
        };
        BudgetStatus {
            budget: budget.clone(),
            measures,
            usage,
            is_at_least: lacks_runs || measures.is_at_least(),
            projected,
            standing,
        }
    }

    /// Whether it keeps `--fail-over-budget` from being satisfied.
    pub fn fails(&self) -> bool {
        matches!(self.standing, Standing::Over | Standing::NotJudged)
    }

    pub fn sentence(&self) -> String {
        let at_least = at_least(self.is_at_least);
        let usage = self
            .usage
            .map_or("an unknown amount".into(), |usd| format!("{at_least}{}", usd.dollars()));
        let whose = match &self.budget.scope {
            BudgetScope::All => String::new(),
            BudgetScope::Actor(name) => format!("Actor {name}: "),
            BudgetScope::Group(name) => format!("group {name}: "),
        };
        let share = self.share().map_or(String::new(), |share| format!(" ({share})"));
        let projected = self.projected.and_then(Ratio::usd);
        let projected = projected.map_or(String::new(), |usd| {
            format!("; projected: {} by the end of the period", usd.dollars())
        });
        format!(
            "{whose}{usage} of {}{share}: {}{projected}",
            self.budget.amount.dollars(),
            self.standing.shown()
        )
    }

    fn share(&self) -> Option<String> {
        crate::money::percent(self.usage?, self.budget.amount)
    }
}
