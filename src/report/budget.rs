//! Budgets: what was meant to be spent at most, in all, by an Actor or by a group, and how far it has been. Pure: text to
//! budgets, figures to what is left of them.

use anyhow::anyhow;
use wildmatch::WildMatch;

use super::dimension::Dimension;
use super::figures::Figures;
use super::headline::at_least;
use super::measures::Measures;
use super::table::{Cell, CellKind, Table, column};
use crate::money::{Ratio, Usd, ratio_6_places, scaled_6_places};
use crate::period::Period;

pub const BUDGETS: &str = "budgets";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetScope {
    All,
    /// Actors of this ID or name, `*` and `?` included.
    Actor(String),
    Group(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub scope: BudgetScope,
    pub amount: Usd,
}

impl Budget {
    /// What the command line says: `500`, `actor:NAME=50` or `group:TEAM=200`.
    pub fn parse(text: &str) -> anyhow::Result<Budget> {
        let wrong = || anyhow!("{text:?} is no budget; expected dollars, as in 500, actor:NAME=50 or group:TEAM=200");
        let (scope, amount) = match text.rsplit_once('=') {
            None => (BudgetScope::All, text),
            Some((scope, amount)) => match scope.split_once(':') {
                Some(("actor", name)) if !name.trim().is_empty() => (BudgetScope::Actor(name.trim().into()), amount),
                Some(("group", name)) if !name.trim().is_empty() => (BudgetScope::Group(name.trim().into()), amount),
                _ => return Err(wrong()),
            },
        };
        let amount = Usd::parse_plain(amount.trim())
            .filter(|usd| usd.0 >= 0)
            .ok_or_else(wrong)?;
        Ok(Budget { scope, amount })
    }

    /// A file of budgets, one a line as on the command line; empty lines and what follows `#` at a line's start are none.
    pub fn parse_lines(text: &str) -> anyhow::Result<Vec<Budget>> {
        let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let budget =
            |(number, line): (usize, &str)| Budget::parse(line).map_err(|problem| anyhow!("line {number}: {problem}"));
        lines.map(budget).collect()
    }

    pub fn option(&self) -> String {
        match &self.scope {
            BudgetScope::All => format!("--budget {}", self.amount),
            BudgetScope::Actor(name) => format!("--budget actor:{name}={}", self.amount),
            BudgetScope::Group(name) => format!("--budget group:{name}={}", self.amount),
        }
    }

    /// The usage that it is for; `None` where the figures tell no such groups.
    fn spent(&self, figures: &Figures) -> Option<Measures> {
        let matching = |dimension, is_one: &dyn Fn(&str) -> bool| {
            let groups = figures.by(dimension)?.groups();
            let own = groups.filter(|group| [group.key(0), group.label(0, 0)].into_iter().flatten().any(is_one));
            Some(own.fold(Measures::default(), |sum, group| sum.and(group.measures)))
        };
        match &self.scope {
            BudgetScope::All => Some(figures.totals),
            BudgetScope::Actor(name) => {
                let pattern = WildMatch::new(name);
                matching(Dimension::Actor, &|text| pattern.matches(text))
            }
            BudgetScope::Group(name) => matching(Dimension::Group, &|text| text == name),
        }
    }
}

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
            .map_or("unknown".into(), |usd| format!("{at_least}{}", usd.dollars()));
        let whose = match &self.budget.scope {
            BudgetScope::All => String::new(),
            BudgetScope::Actor(name) => format!("Actor {name}: "),
            BudgetScope::Group(name) => format!("group {name}: "),
        };
        let share = self.share().map_or(String::new(), |share| format!(" ({share})"));
        let projected = self.projected.and_then(Ratio::usd);
        let projected = projected.map_or(String::new(), |usd| {
            format!(", {} by the end if it goes on like this", usd.dollars())
        });
        format!(
            "{whose}{usage} of {}{share}{projected}: {}",
            self.budget.amount.dollars(),
            self.standing.word()
        )
    }

    fn share(&self) -> Option<String> {
        crate::money::percent(self.usage?, self.budget.amount)
    }
}

pub fn table(spent: &[BudgetStatus]) -> Table<'_> {
    let row = move |at: usize| {
        let BudgetStatus {
            budget,
            measures,
            usage,
            ..
        } = &spent[at];
        let (scope, name) = match &budget.scope {
            BudgetScope::All => ("all", None),
            BudgetScope::Actor(name) => ("actor", Some(name.as_str())),
            BudgetScope::Group(name) => ("group", Some(name.as_str())),
        };
        let share = usage.and_then(|usage| ratio_6_places(usage.0, budget.amount.0));
        vec![
            Cell::text(Some(scope)),
            Cell::text(name),
            Cell::text(Some(spent[at].standing.word())),
            Cell::Usd(budget.amount),
            Cell::Count(measures.runs()),
            Cell::usd(*usage),
            Cell::decimal(share),
            Cell::decimal(spent[at].projected),
            Cell::Count(measures.cost_unknown()),
            Cell::Count(measures.provisional.runs),
        ]
    };
    Table {
        name: BUDGETS.into(),
        title: "How much of each budget is spent?".into(),
        columns: vec![
            column("scope", "for", CellKind::Key),
            column("name", "name", CellKind::Name),
            column("standing", "standing", CellKind::Key),
            column("budget_usd", "budget, $", CellKind::Usd),
            column("runs", "runs", CellKind::Count),
            column("usage_total_usd", "usage, $", CellKind::Usd),
            column("share_of_budget", "of budget", CellKind::Share),
            column("projected_usd", "by the end, $", CellKind::Mean),
            column("runs_cost_unknown", "no cost", CellKind::Count),
            column("runs_provisional", "may move", CellKind::Count),
        ],
        len: spent.len(),
        row: Box::new(row),
        total: None,
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_and_nonsense_is_refused() {
        let usd = |dollars: i128| Usd(dollars * 10i128.pow(18));
        let of = |scope, dollars| {
            Some(Budget {
                scope,
                amount: usd(dollars),
            })
        };
        assert_eq!(Budget::parse("500").ok(), of(BudgetScope::All, 500));
        assert_eq!(
            Budget::parse("actor:a/b=c=50").ok(),
            of(BudgetScope::Actor("a/b=c".into()), 50)
        );
        assert_eq!(
            Budget::parse("group:Research, EU=200").ok(),
            of(BudgetScope::Group("Research, EU".into()), 200)
        );
        for wrong in ["", "-1", "1e3", "actor:=1", "team:x=1", "actor:x", "group:x=", "$5"] {
            assert!(Budget::parse(wrong).is_err(), "{wrong}");
        }
        let lines = Budget::parse_lines("# all\n500\n\ngroup:x=1\n").unwrap();
        assert_eq!(lines.len(), 2);
        assert!(
            Budget::parse_lines("500\nx\n")
                .unwrap_err()
                .to_string()
                .starts_with("line 2: ")
        );
    }
}
