//! The report of budgets.

use super::status::STANDINGS;
use super::{BudgetScope, BudgetStatus};
use crate::money::ratio_6_places;
use crate::report::table::{Cell, CellKind, Table, TableColumn, column};

pub const BUDGETS: &str = "budgets";

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
        title: "Budgets".into(),
        columns: vec![
            column("scope", "scope", CellKind::Key),
            column("name", "name", CellKind::Name),
            TableColumn {
                words: STANDINGS,
                ..column("standing", "status", CellKind::Key)
            },
            column("budget_usd", "budget, $", CellKind::Usd),
            column("runs", "runs", CellKind::Count),
            column("usage_total_usd", "usage, $", CellKind::Usd),
            column("share_of_budget", "share of budget", CellKind::Share),
            column("projected_usd", "projected, $", CellKind::Mean),
            column("runs_cost_unknown", "cost unknown", CellKind::Count),
            column("runs_provisional", "provisional", CellKind::Count),
        ],
        len: spent.len(),
        row: Box::new(row),
        total: None,
        note: None,
    }
}
