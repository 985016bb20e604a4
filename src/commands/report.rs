//! `report`: the figures of an export or a lake, from its files alone: other breakdowns, a part of its period, other formats,
//! held against another period or budgets. Nothing is shown before all that it is made of has been read and checked.

mod file;
mod focus;
mod focus_parts;
pub(super) mod fold;
pub(super) mod folder;
mod format;
pub(super) mod output;
mod row_selection;
pub(super) mod several;
pub mod sql;

use std::path::Path;

use crate::commands::report::fold::ReportScope;
use crate::commands::report::output::{ReportOutput, UnpublishedReport};
use crate::commands::report::row_selection::RowSelection;

use crate::commands::compare;

use crate::archive;
use crate::archive::{Archive, ArchiveInfo, ArchiveOpener};
use crate::cli::{ArchiveAddress, JudgeArgs, ReportArgs};
use crate::commands::compare::ComparisonScope;
use crate::commands::{budgets, strict, unusual};
use crate::context::Context;
use crate::context::blocking::{CancelFlag, run_blocking};
use crate::context::terminal::{print, warn};
use crate::error::{Error, Result};
use crate::installed_zones;
use crate::period::PeriodSpec;
use crate::report::Report;
use crate::report::caveat::Caveat;
use crate::report::comparison::PeriodComparison;
use crate::report::dimension::By;
use crate::report::groups::Groups;
use crate::report::run_filter::RunFilter;
use crate::report::terminal::TerminalLook;
use crate::report::unusual::UnusualDays;
use crate::runs::column_set::ColumnSet;
use crate::runs::row::columns_of_rows;
use crate::text::nearest::did_you_mean;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(mut args: ReportArgs, context: Context) -> Result<()> {
    if let Some(name) = &args.sql {
        return print(&sql::text(name)?);
    }
    budgets::read_file(&mut args.judge)?;
    let look = context.look;
    run_blocking(move |stop| report(&args, look, stop)).await
}

fn report(args: &ReportArgs, look: TerminalLook, stop: &CancelFlag) -> Result<()> {
    compare::check_offline(&args.judge)?;
    let (written, report) = archive::read(|opening| prepare(args, look, stop, opening))?;
    written.publish(args.quiet)?;
    report.facts.gaps().into_iter().for_each(|gap| warn(&gap.to_string()));
    if args.out.is_some() && !args.unusual.fail_unusual {
        let found = report.unusual.iter().flat_map(UnusualDays::sentences);
        found.for_each(|finding| warn(&finding));
    }
    budgets::hold(&args.judge, &report.budgets)?;
    unusual::hold(args.unusual, report.unusual.as_ref())?;
    strict::hold(args.strict, &report.facts, "reported")
}

/// Reads, checks and writes everything; nothing of it is visible yet.
fn prepare(
    args: &ReportArgs,
    look: TerminalLook,
    stop: &CancelFlag,
    opening: &ArchiveOpener,
) -> Result<(UnpublishedReport, Report)> {
    let path = match args.paths.as_slice() {
        [] => return Err(Error::Usage("a report needs the PATH of an export or a lake".into())),
        [path] => path,
        _ => return several::prepare(args, look, stop, opening),
    };
    let archive = opening.open(path, args.as_of)?;
    let archive = archive.as_ref();
    let columns = archive.columns()?;
    let held = archive.info()?;
    compare::check_previous(&args.judge, &held)?;
    let groups = match &args.groups {
        Some(file) => Some(read_groups(file, &columns, &held)?),
        None => held.own_groups(),
    };
    budgets::check(&args.judge, groups.as_ref())?;
    let scope = ReportScope {
        period: fold::period(period_spec(args), args.timezone, archive, &held)?,
        groups,
        has_other_groups: args.groups.is_some(),
        only: only_runs(args)?,
        has_accounts: false,
        by: args.by.clone(),
    };
    scope.check(&columns)?;
    unusual::check(args.unusual, &held, &scope.only)?;
    installed_zones::warning(&scope.period)
        .iter()
        .for_each(|text| warn(text));
    let selection = RowSelection {
        only: scope.only.clone(),
        rules: scope.groups.clone(),
    };
    let mut output = ReportOutput::open(args, &held, &columns, selection, look)?;
    let is_summary_alone = output.is_summary_alone(args) && scope.only.is_empty() && scope.groups.is_none();
    let wanted = if output.wants_all_columns() {
        columns.clone()
    } else if args.unusual.are_asked_for() && is_summary_alone {
        // A glance at all of a large lake: its summary needs no more.
        columns.intersect(&unusual::DAY_COLUMNS)
    } else {
        columns_of_rows(&columns)
    };
    let whole = held.period.clone();
    let all = if is_summary_alone { &wanted } else { &columns };
    let mut report = fold::report(archive, held, &scope, (all, &wanted), &mut |rows| {
        stop.check()?;
        output.rows(rows)
    })?;
    let compared = ComparisonScope::new(&report.facts, scope.groups, scope.only);
    report.against = comparison(&args.judge, opening, (archive, path), &compared, stop)?;
    let facts = &mut report.facts;
    report.budgets = budgets::spent(&args.judge.budget, &report.figures, &facts.period, facts.lacks_runs());
    for caveat in budgets::unmatched(&report.budgets) {
        warn(&caveat.to_string());
        facts.caveats.push(caveat);
    }
    if args.groups.is_some() {
        facts
            .caveats
            .retain(|caveat| !matches!(caveat, Caveat::RulesUnmatched { .. }));
        facts.caveats.extend(budgets::unmatched_rules(&report.figures));
    }
    if args.unusual.are_asked_for() {
        report.unusual = Some(unusual::of_report(archive, &whole, &report, stop)?);
    }
    report.only = chosen(args, &report)?;
    let written = output.write(&report, Some(archive), stop)?;
    Ok((written, report))
}

/// The other period, where one was asked for: of another archive, or of the reported lake.
fn comparison(
    args: &JudgeArgs,
    opening: &ArchiveOpener,
    (reported, path): (&dyn Archive, &ArchiveAddress),
    scope: &ComparisonScope,
    stop: &CancelFlag,
) -> Result<Option<PeriodComparison>> {
    let Some(site) = &args.compare else {
        return Ok(None);
    };
    let before = if compare::is_previous_of_lake(site) {
        compare::before(reported, path, scope, stop)?
    } else {
        compare::before(opening.open(site, None)?.as_ref(), site, scope, stop)?
    };
    Ok(Some(PeriodComparison { before }))
}

/// The rules of `--groups`, for runs of the archive's account.
fn read_groups(file: &Path, columns: &ColumnSet, held: &ArchiveInfo) -> Result<Groups> {
    let groups = budgets::read_groups(file, columns)?;
    if held.account.is_none() && groups.go_by_accounts() {
        return Err(budgets::needs_account(file, &held.shown));
    }
    Ok(groups.for_account(held.account.as_ref()))
}

/// The period that was asked for; none where it is all that there is.
fn period_spec(args: &ReportArgs) -> Option<PeriodSpec> {
    match (&args.month, args.from, args.to) {
        (Some(month), ..) => Some(month.clone()),
        (None, Some(from), Some(to)) => Some(PeriodSpec::FromTo { from, to }),
        _ => None,
    }
}

/// The runs that were asked for; exit 2 with budgets.
fn only_runs(args: &ReportArgs) -> Result<RunFilter> {
    let only = RunFilter::all(&args.only_runs);
    if !only.is_empty() && !args.judge.budget.is_empty() {
        return Err(Error::Usage(
            "a budget is for all runs of a period: use --where without --budget and --budgets".into(),
        ));
    }
    Ok(only)
}

/// The tables that were asked for; none where all are. Exit 2 for a name that there is not.
fn chosen(args: &ReportArgs, report: &Report) -> Result<Vec<String>> {
    let tables = report.tables();
    let names: Vec<&str> = tables.iter().map(|table| &*table.name).collect();
    if let Some(unknown) = args.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::Usage(format!(
            "this export has no report {unknown:?}{}; expected one of {}",
            did_you_mean(unknown, names.iter().copied()),
            names.join(", ")
        )));
    }
    let by = args.by.iter().copied().map(By::name);
    Ok(args.only.iter().cloned().chain(by).collect())
}
