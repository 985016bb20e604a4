//! `report` of several exports and lakes: the same reports, of all of them together and by account.

use crate::archive::ArchiveOpener;
use crate::cli::ReportArgs;
use crate::commands::budgets;
use crate::commands::report::fold::ReportScope;
use crate::commands::report::output::{ReportOutput, UnpublishedReport};
use crate::commands::report::row_selection::RowSelection;
use crate::commands::report::{chosen, only_runs, period_spec};
use crate::commands::together::{MissingAccount, TogetherArchives, TogetherScope};
use crate::context::blocking::CancelFlag;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::installed_zones;
use crate::report::Report;
use crate::report::groups::Groups;
use crate::report::terminal::TerminalLook;
use crate::runs::column_set::ColumnSet;
use crate::runs::row::columns_of_rows;

/// Reads, checks and writes everything; nothing of it is visible yet.
pub fn prepare(
    args: &ReportArgs,
    look: TerminalLook,
    stop: &CancelFlag,
    opening: &ArchiveOpener,
) -> Result<(UnpublishedReport, Report)> {
    check_options(args)?;
    let mut archives = TogetherArchives::open(
        opening,
        &args.paths,
        TogetherScope {
            spec: period_spec(args),
            timezone: args.timezone,
            as_of: args.as_of,
        },
    )?;
    let columns = archives.columns.clone();
    let scope = ReportScope {
        period: archives.period.clone(),
        groups: groups(args, &archives)?,
        has_other_groups: true,
        only: only_runs(args)?,
        has_accounts: true,
        by: args.by.clone(),
    };
    budgets::check(&args.judge, scope.groups.as_ref())?;
    scope.check(&columns)?;
    let zones = installed_zones::warning(&scope.period);
    zones.iter().for_each(|text| warn(text));
    let selection = RowSelection {
        only: scope.only.clone(),
        rules: scope.groups.clone(),
    };
    let first = archives.parts.first().map(|part| part.held.clone());
    let mut first = first.ok_or_else(|| Error::Usage("none of the archives covers the period".into()))?;
    // What Apify counts is of each account on its own.
    first.has_counted_usage = false;
    let mut output = ReportOutput::open(args, &first, &columns, selection, look)?;
    let wanted = match output.wants_all_columns() {
        true => columns.clone(),
        false => columns_of_rows(&columns),
    };
    let mut report = fold(&mut archives, &scope, &wanted, &[], stop)?;
    // Rows are only known to count once all archives were read.
    if output.wants_all_columns() {
        for at in 0..archives.parts.len() {
            output.turn_to(&archives.parts[at].held)?;
            archives.reread_part(at, &wanted, &mut |rows| {
                stop.check()?;
                output.rows(rows)
            })?;
        }
    }
    judge(args, &mut report);
    report.only = chosen(args, &report)?;
    let written = output.write(&report, None, stop)?;
    Ok((written, report))
}

/// Reads and checks the archives, and adds up their runs; `missing` are accounts of which there is none.
pub fn fold(
    archives: &mut TogetherArchives,
    scope: &ReportScope,
    wanted: &ColumnSet,
    missing: &[MissingAccount],
    stop: &CancelFlag,
) -> Result<Report> {
    let columns = archives.columns.clone();
    let (figures, totals) = archives.figures(wanted, || scope.summary(&columns), stop)?;
    let unmatched = figures.only.unmatched();
    unmatched.iter().for_each(|text| warn(&format!("--where: {text}")));
    let mut facts = archives.facts(&totals, !figures.only.is_empty(), missing)?;
    facts.caveats.extend(budgets::unmatched_rules(&figures));
    Ok(Report {
        facts,
        figures,
        usage: None,
        reconciled: None,
        against: None,
        budgets: Vec::new(),
        unusual: None,
        replaced: None,
        files: Vec::new(),
        only: Vec::new(),
    })
}

/// Holds the figures against the budgets that were given.
fn judge(args: &ReportArgs, report: &mut Report) {
    let facts = &mut report.facts;
    report.budgets = budgets::spent(&args.judge.budget, &report.figures, &facts.period, facts.lacks_runs());
    for caveat in budgets::unmatched(&report.budgets) {
        warn(&caveat.to_string());
        facts.caveats.push(caveat);
    }
}

/// Exit 2 for what is of one archive alone.
fn check_options(args: &ReportArgs) -> Result<()> {
    let of_one = [
        (args.judge.compare.is_some(), "--compare"),
        (args.unusual.are_asked_for(), "--unusual"),
        (args.with_runs, "--with-runs"),
    ];
    match of_one.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, option)) => Err(Error::Usage(format!(
            "{option} works only with one PATH: report each account on its own"
        ))),
        None => Ok(()),
    }
}

/// The rules that were given, else those of the archives.
fn groups(args: &ReportArgs, archives: &TogetherArchives) -> Result<Option<Groups>> {
    let Some(file) = &args.groups else {
        let own = archives.own_groups();
        if own.is_none() && archives.parts.iter().any(|part| part.held.groups.is_some()) {
            warn(
                "no report by group: the archives were grouped by different rules, or some by none; give --groups FILE",
            );
        }
        return Ok(own);
    };
    let groups = budgets::read_groups(file, &archives.columns)?;
    let unknown = archives.parts.iter().find(|part| part.held.account.is_none());
    match unknown.filter(|_| groups.go_by_accounts()) {
        Some(part) => Err(budgets::needs_account(file, &part.held.shown)),
        None => Ok(Some(groups)),
    }
}

/// The rules of the archives; says so where there is none since these differ.
pub fn own_groups(archives: &TogetherArchives) -> Option<Groups> {
    let own = archives.own_groups();
    if own.is_none() && archives.parts.iter().any(|part| part.held.groups.is_some()) {
        warn("no report by group: the archives were grouped by different rules, or some by none; give --groups FILE");
    }
    own
}
