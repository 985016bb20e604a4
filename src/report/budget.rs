//! Budgets: what was meant to be spent at most, in all, by an Actor or by a group, and how far it has been. Pure: text to
//! budgets, figures to what is left of them.

pub mod file;
mod status;
mod table;

pub use status::{BudgetStatus, Standing};
pub use table::{BUDGETS, table};

use anyhow::anyhow;
use wildmatch::WildMatch;

use super::dimension::Dimension;
use super::figures::Figures;
use super::measures::Measures;
use crate::money::Usd;

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
        let wrong = || anyhow!("expected a budget in dollars, such as 500, actor:NAME=50 or group:TEAM=200");
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
    }
}
