//! Budgets that people keep in a CSV file. Pure: text to budgets.

use anyhow::{Context, bail};

use super::{Budget, BudgetScope};
use crate::money::Usd;
use crate::report::groups::separator_of;
use crate::text::csv_lines::LineCounter;

const SHAPE: &str = "expected CSV with a header: usd, and actor or group where a budget is not for all runs, such as\ngroup,usd\n,8000\nMarketing,2000";

/// The budgets of a file, in its order; an error names the line. Where cells are separated by semicolons, an amount may have a decimal
/// comma.
pub fn parse(text: &str) -> anyhow::Result<Vec<Budget>> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator_of(text);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header: Vec<String> = csv.headers()?.iter().map(str::to_lowercase).collect();
    let column = |name: &str| header.iter().position(|column| column == name);
    if let Some(unknown) = header
        .iter()
        .find(|name| !["actor", "group", "usd"].contains(&name.as_str()))
    {
        bail!("unknown column {unknown:?}; {SHAPE}");
    }
    let mut columns = header.iter().enumerate();
    if let Some((_, twice)) = columns.find(|(at, name)| header[..*at].contains(name)) {
        bail!("the column {twice:?} occurs twice; {SHAPE}");
    }
    let (actor, group) = (column("actor"), column("group"));
    let usd = column("usd").context(SHAPE)?;
    let (mut budgets, mut counter) = (Vec::new(), LineCounter::new(text));
    for record in csv.records() {
        let record = record?;
        let line = record.position().map_or(0, |position| counter.line_of(position));
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() > header.len() {
            bail!("line {line} has more cells than the header");
        }
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|cell| !cell.is_empty());
        let scope = match (cell(actor), cell(group)) {
            (None, None) => BudgetScope::All,
            (Some(actor), None) => BudgetScope::Actor(actor.into()),
            (None, Some(group)) => BudgetScope::Group(group.into()),
            (Some(_), Some(_)) => bail!("line {line} has an actor and a group; a budget is for one of them"),
        };
        let text = cell(Some(usd)).unwrap_or_default();
        let plain = if separator == b';' {
            text.replace(',', ".")
        } else {
            text.into()
        };
        let amount = Usd::parse_plain(&plain).filter(|usd| usd.0 >= 0);
        let amount =
            amount.with_context(|| format!("line {line}: {text:?} is not an amount in dollars, such as 2500.50"))?;
        budgets.push(Budget { scope, amount });
    }
    if budgets.is_empty() {
        bail!("the file has no budget; {SHAPE}");
    }
    Ok(budgets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        parse(text).unwrap().iter().map(Budget::option).collect()
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_budget_is_for_all_runs_an_actor_or_a_group() {
        let expected = [
            "--budget 8000",
            "--budget group:Marketing, EU=2000.5",
            "--budget actor:ann/*=1",
        ];
        assert_eq!(
            read("actor,group,usd\n,,8000\n,\"Marketing, EU\",2000.50\nann/*,,1\n"),
            expected
        );
        assert_eq!(
            read("\u{feff}Group;USD;Actor\r\n;8000;\r\n\"Marketing, EU\";2000,50\r\n\r\n;1;ann/*\r\n"),
            expected
        );
        assert_eq!(read("usd\n5\n"), ["--budget 5"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_line() {
        assert!(error("team,usd\nx,1\n").contains("unknown column \"team\""));
        assert!(error("group\nx\n").contains("usd"));
        assert!(error("usd\n").contains("no budget"));
        assert_eq!(
            error("group,usd\nx,1\ny,two\n"),
            "line 3: \"two\" is not an amount in dollars, such as 2500.50"
        );
        assert!(error("group,usd\nx,-1\n").contains("line 2"));
        // The line of the amount, not of the empty lines before it.
        assert!(error("\n\nusd\n\n5\n\nx\n").contains("line 7: \"x\""));
        assert!(error("usd,group,usd\n1,a,2\n").contains("the column \"usd\" occurs twice"));
        assert!(error("usd\n1,a\n").contains("line 2 has more cells than the header"));
        assert!(error("group,usd\nx,\"1,5\"\n").contains("line 2"));
        assert!(error("actor,group,usd\na,b,1\n").contains("line 2 has an actor and a group"));
    }
}
