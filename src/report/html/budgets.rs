//! Budgets as the page shows them: how far each has been spent, against a line that is the budget.

use serde::Serialize;

use super::grid::{GridCell, filled};
use crate::money::{Ratio, percent};
use crate::report::budget::{BudgetScope, BudgetStatus, Standing};
use crate::report::display_text::DisplayText;
use crate::text::counted;

#[derive(Debug, Serialize)]
pub struct BudgetBar {
    kind: &'static str,
    name: Option<DisplayText>,
    amount: GridCell,
    /// `at least`, if it is.
    bound: Option<&'static str>,
    usage: GridCell,
    share: Option<String>,
    projected: Option<GridCell>,
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

pub fn budgets(spent: &[BudgetStatus]) -> Vec<BudgetBar> {
    spent.iter().map(of).collect()
}

fn of(spent: &BudgetStatus) -> BudgetBar {
    let (kind, name) = match &spent.budget.scope {
        BudgetScope::All => ("All runs", None),
        BudgetScope::Actor(name) => ("Actor", Some(name)),
        BudgetScope::Group(name) => ("Group", Some(name)),
    };
    let measures = &spent.measures;
    let usage = spent.usage;
    let projected = spent.projected.and_then(Ratio::usd);
    let all = [Some(spent.budget.amount), usage, projected]
        .into_iter()
        .flatten()
        .max();
    let all = all.unwrap_or_default();
    let mut note = vec![counted(measures.runs(), "run", "runs")];
    if measures.cost_unknown() > 0 {
        note.push(format!("{} of unknown cost", measures.cost_unknown()));
    }
    if measures.provisional.runs > 0 {
        note.push(format!("{} of provisional cost", measures.provisional.runs));
    }
    BudgetBar {
        kind,
        name: name.map(|name| DisplayText::new(name)),
        amount: GridCell::usd(Some(spent.budget.amount), ""),
        bound: (usage.is_some() && spent.is_at_least).then_some("at least"),
        usage: GridCell::usd(usage, "unknown"),
        share: usage.and_then(|usage| percent(usage, spent.budget.amount)),
        projected: projected.map(|usd| GridCell::usd(Some(usd), "")),
        note: note.join(", "),
        standing: spent.standing.shown(),
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
