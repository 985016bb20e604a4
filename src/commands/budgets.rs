//! Budgets and groups as a job is given them, and whether a budget that must hold does. What they come to is
//! `report`'s.

use std::fmt::Display;
use std::path::Path;

use crate::bounded::read_given;
use crate::cli::JudgeArgs;
use crate::error::{Error, Result};
use crate::period::Period;
use crate::report::budget::{self, Budget, BudgetScope, BudgetStatus};
use crate::report::caveat::Caveat;
use crate::report::figures::Figures;
use crate::report::groups::{Groups, UnmatchedRules};
use crate::runs::column_set::ColumnSet;

const MAX_RULES_BYTES: u64 = 16 << 20;

/// The rules of `--groups`, whose runs' groups must be clear from these columns; exit 2 otherwise.
pub fn read_groups(file: &Path, columns: &ColumnSet) -> Result<Groups> {
    let wrong = |problem: &dyn Display| Error::usage(format!("--groups {}: {problem}", file.display()));
    let text = read_given(file, MAX_RULES_BYTES).map_err(|error| wrong(&error))?;
    let groups = Groups::parse(&text).map_err(|problem| wrong(&problem))?;
    let needed = groups.needed_columns().into_iter();
    let missing: Vec<_> = needed.filter(|name| columns.position(name).is_none()).collect();
    match missing.as_slice() {
        [] => Ok(groups),
        missing => Err(wrong(&format!(
            "the rules need columns that are excluded: {}",
            missing.join(", ")
        ))),
    }
}

/// Exit 2: rules go by accounts, and an archive doesn't tell whose its runs are.
pub fn needs_account(file: &Path, archive: &str) -> Error {
    Error::Usage(format!(
        "--groups {}: the rules need the account of every run, but {archive} does not have its account: export again with a token that may \
         read the account",
        file.display()
    ))
}

/// Adds the budgets of `--budgets` to those of the command line; exit 2 where the file makes no sense.
pub fn read_file(args: &mut JudgeArgs) -> Result<()> {
    let Some(file) = &args.budgets else {
        return Ok(());
    };
    let wrong = |problem: &dyn Display| Error::usage(format!("--budgets {}: {problem}", file.display()));
    let text = read_given(file, MAX_RULES_BYTES).map_err(|error| wrong(&error))?;
    args.budget
        .extend(budget::file::parse(&text).map_err(|problem| wrong(&problem))?);
    Ok(())
}

/// Exit 2 if the group of a budget has no rule, or if a budget is required and missing.
pub fn check(args: &JudgeArgs, groups: Option<&Groups>) -> Result<()> {
    if args.fail_over_budget && args.budget.is_empty() {
        return Err(Error::usage("--fail-over-budget needs --budget or --budgets"));
    }
    for budget in &args.budget {
        let BudgetScope::Group(name) = &budget.scope else {
            continue;
        };
        let is_known = groups.is_some_and(|groups| groups.has(name));
        if !is_known {
            let why = if groups.is_some() {
                "no rule of --groups has this group"
            } else {
                "a budget of a group needs --groups FILE"
            };
            return Err(Error::Usage(format!("{}: {why}", budget.option())));
        }
    }
    Ok(())
}

/// How budgets stand.
pub fn spent(budgets: &[Budget], figures: &Figures, period: &Period, lacks_runs: bool) -> Vec<BudgetStatus> {
    budgets
        .iter()
        .map(|budget| BudgetStatus::of(budget, figures, period, lacks_runs))
        .collect()
}

/// Budgets of Actors that no run is of: a name that was typed wrong would be within its budget for ever.
pub fn unmatched(spent: &[BudgetStatus]) -> Vec<Caveat> {
    let idle = spent.iter().filter(|spent| spent.measures.runs() == 0);
    let idle = idle.filter(|spent| matches!(spent.budget.scope, BudgetScope::Actor(_)));
    let options = idle.map(|spent| spent.budget.option());
    options.map(|option| Caveat::BudgetUnmatched { option }).collect()
}

/// Rules of groups that no run matches: they may be typed wrong.
pub fn unmatched_rules(figures: &Figures) -> Option<Caveat> {
    let UnmatchedRules { rules, first } = figures.unmatched_rules.clone();
    (rules > 0).then_some(Caveat::RulesUnmatched { rules, first })
}

/// Exit 7 if a budget that must hold doesn't.
pub fn hold(args: &JudgeArgs, spent: &[BudgetStatus]) -> Result<()> {
    let over: Vec<String> = spent
        .iter()
        .filter(|spent| spent.fails())
        .map(BudgetStatus::sentence)
        .collect();
    if !args.fail_over_budget || over.is_empty() {
        return Ok(());
    }
    Err(Error::Condition(format!(
        "over budget, or usage unknown (--fail-over-budget): {}",
        over.join("; ")
    )))
}
