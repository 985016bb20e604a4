//! The budgets of `--budgets`, a file, and of `--budget`, an option.

use super::amounts::units;
use super::{has_place, text_of};
use crate::report::budget::file::parse;
use crate::report::budget::{Budget, BudgetScope};

/// A file of budgets, and each of its lines as an option. The place of a refusal is the line with the cell, the column, or the
/// header that is expected; of an option, it is its whole value.
pub fn budgets(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    match parse(text) {
        Ok(budgets) => {
            assert_eq!(parse(&written(&budgets)).expect("what is written can be read"), budgets);
            budgets.iter().for_each(is_exact);
        }
        Err(refusal) => {
            let refusal = refusal.to_string();
            has_place(&refusal, &["line ", "column ", "expected CSV with a header"]);
            line_is_right(text, &refusal);
        }
    }
    for line in text.lines() {
        if let Ok(budget) = Budget::parse(line) {
            is_exact(&budget);
            let option = budget.option();
            let value = option.strip_prefix("--budget ").expect("it is an option");
            assert_eq!(Budget::parse(value).ok(), Some(budget), "{option}");
        }
    }
}

fn is_exact(budget: &Budget) {
    let amount = budget.amount;
    assert!(amount.0 >= 0);
    assert_eq!(units(&amount.to_string()), Some(Ok(amount.0.to_string())));
}

/// The budgets as a CSV file.
fn written(budgets: &[Budget]) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["actor", "group", "usd"]).expect("memory takes it");
    for budget in budgets {
        let (actor, group) = match &budget.scope {
            BudgetScope::All => ("", ""),
            BudgetScope::Actor(actor) => (actor.as_str(), ""),
            BudgetScope::Group(group) => ("", group.as_str()),
        };
        csv.write_record([actor, group, &budget.amount.to_string()])
            .expect("memory takes it");
    }
    String::from_utf8(csv.into_inner().expect("memory takes it")).expect("texts are UTF-8")
}

/// A line without quotes that is refused holds what is refused. A carriage return alone ends a record too, but no line.
fn line_is_right(text: &str, refusal: &str) {
    let Some((line, cell)) = refusal.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) else {
        return;
    };
    let cell = cell
        .strip_prefix('"')
        .and_then(|rest| rest.split_once("\" is not an amount"));
    let (Ok(line), Some((cell, _))) = (line.parse::<usize>(), cell) else {
        return;
    };
    if text.contains('"') || cell.contains('\\') || text.replace("\r\n", "\n").contains('\r') {
        return;
    }
    let found = text.lines().nth(line - 1).unwrap_or_default();
    assert!(
        !found.is_empty() && found.contains(cell),
        "{refusal}, but the line is {found:?}"
    );
}
