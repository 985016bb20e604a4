//! Each account of a report of several: whether its runs are all there, and what they came to.

use super::{SHOWN, at_least};
use crate::money::Usd;
use crate::report::Report;
use crate::report::dimension::Dimension;
use crate::report::facts::AccountFacts;
use crate::report::figures::Breakdown;
use crate::report::measures::Measures;
use crate::text::{counted, escape_control, thousands, truncate};

/// Most accounts that have a line each; those that lack runs come first.
const MOST: usize = 8;

/// Nothing where the report is of one.
pub fn lines(report: &Report) -> Vec<String> {
    let accounts = &report.facts.accounts;
    let mut shown: Vec<&AccountFacts> = accounts.iter().collect();
    if shown.len() > MOST + 1 {
        shown.sort_by_key(|account| account.is_complete());
        shown.truncate(MOST);
    }
    let by_account = report.figures.by(Dimension::Account);
    let mut lines: Vec<String> = shown.iter().map(|account| line(account, by_account)).collect();
    let rest = accounts.len() - shown.len();
    if rest > 0 {
        let incomplete = accounts.iter().filter(|account| !account.is_complete()).count();
        let others = counted(rest as u64, "other account", "other accounts");
        lines.push(match incomplete.saturating_sub(MOST) {
            0 => format!("{others}: complete"),
            lacking => format!("{others}, of which {lacking} INCOMPLETE"),
        });
    }
    lines
}

/// How many accounts there are, and whether any lacks runs.
pub fn complete(report: &Report) -> String {
    let accounts = &report.facts.accounts;
    let lacking = accounts.iter().filter(|account| !account.is_complete()).count();
    let proof = &report.facts.proof;
    let fetched = counted(proof.fetched, "run", "runs");
    let of = counted(accounts.len() as u64, "account", "accounts");
    match lacking {
        0 => format!(
            "yes: {fetched} fetched, {} counted by the API, of {of}",
            thousands(proof.counted)
        ),
        _ => format!("NO: {lacking} of {of} may lack runs"),
    }
}

fn line(facts: &AccountFacts, by_account: Option<&Breakdown>) -> String {
    let name = truncate(&escape_control(facts.account.name()), SHOWN);
    let group = by_account.and_then(|breakdown| {
        let mut groups = breakdown.groups();
        groups.find(|group| group.key(0) == Some(&facts.account.id))
    });
    let status = facts.status();
    if facts.archives.is_empty() {
        return format!("{name}: {status}");
    }
    let measures = group.map_or(Measures::default(), |group| *group.measures);
    let runs = counted(measures.runs(), "run", "runs");
    let usage = match measures.usage().map(Usd::dollars) {
        Some(usage) => {
            let bound = at_least(measures.is_at_least() || !facts.is_complete());
            format!(", {bound}{usage}")
        }
        None if measures.runs() == 0 => String::new(),
        None => ", usage unknown".into(),
    };
    format!("{name}: {status} ({runs}{usage})")
}
