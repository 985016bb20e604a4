//! Budgets as the page shows them: how far each has been spent, against a line that is the budget.

use serde::Serialize;

use super::grid::{Entry, filled};
use super::shown::Shown;
use crate::money::{Usd, percent};
use crate::report::budget::{Scope, Spent, Standing};
use crate::text::counted;

/// A budget.
#[derive(Debug, Serialize)]
pub struct Budget {
    kind: &'static str,
    name: Option<Shown>,
    amount: Entry,
    /// `at least`, if it is.
    bound: Option<&'static str>,
    usage: Entry,
    share: Option<String>,
    projected: Option<Entry>,
    /// What isn't certain, and how many runs it is for.
    note: String,
    standing: &'static str,
    /// `good`, `bad`, or neither.
    tone: &'static str,
    /// In percent of the width: what is spent, what it will be, where the budget is.
    spent_bar: Option<String>,
    projected_bar: Option<String>,
    limit: String,
}

/// How each stands.
pub fn budgets(spent: &[Spent]) -> Vec<Budget> {
    spent.iter().map(of).collect()
}

fn of(spent: &Spent) -> Budget {
    let (kind, name) = match &spent.budget.scope {
        Scope::All => ("All runs", None),
        Scope::Actor(name) => ("Actor", Some(name)),
        Scope::Group(name) => ("Group", Some(name)),
    };
    let measures = &spent.measures;
    let usage = spent.usage;
    let projected = spent.projected.as_deref().and_then(Usd::parse_plain);
    let all = [Some(spent.budget.amount), usage, projected]
        .into_iter()
        .flatten()
        .max();
    let all = all.unwrap_or_default();
    let mut note = vec![counted(measures.runs(), "run", "runs")];
    if measures.cost_unknown() > 0 {
        note.push(format!("{} of them without a cost", measures.cost_unknown()));
    }
    if measures.provisional.runs > 0 {
        note.push(format!("{} may still move", measures.provisional.runs));
    }
    Budget {
        kind,
        name: name.map(|name| Shown::new(name)),
        amount: Entry::usd(Some(spent.budget.amount), ""),
        bound: (usage.is_some() && spent.is_at_least).then_some("at least"),
        usage: Entry::usd(usage, "unknown"),
        share: usage.and_then(|usage| percent(usage, spent.budget.amount)),
        projected: projected.map(|usd| Entry::usd(Some(usd), "")),
        note: note.join(", "),
        standing: spent.standing.word(),
        tone: match spent.standing {
            Standing::Within => "good",
            Standing::Over | Standing::Heading => "bad",
            Standing::WithinAsKnown | Standing::NotJudged => "",
        },
        spent_bar: usage.map(|usd| filled(usd, all)),
        projected_bar: projected.map(|usd| filled(usd, all)),
        limit: filled(spent.budget.amount, all),
    }
}
