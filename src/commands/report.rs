//! `report`: the figures of an export or a lake, from its files alone: other breakdowns, a part of its period, other formats,
//! held against another period or budgets. Nothing is shown before all that it is made of has been read and checked.

mod file;
mod focus;
mod focus_parts;
pub(super) mod folder;
mod format;
mod output;
pub mod sql;

use crate::commands::report::output::{ReportOutput, UnpublishedReport};

use crate::commands::compare;

use crate::archive;
use crate::archive::{Archive, ArchiveInfo, ArchiveOpener};
use crate::cli::{ArchiveAddress, JudgeArgs, ReportArgs};
use crate::commands::compare::ComparisonScope;
use crate::commands::coverage::not_covered;
use crate::commands::{budgets, strict};
use crate::context::Context;
use crate::context::blocking::{CancelFlag, run_blocking};
use crate::context::terminal::{print, warn};
use crate::error::{Error, Result};
use crate::installed_zones;
use crate::period::{LAST_INSTANT, Period, PeriodSpec};
use crate::report::Report;
use crate::report::caveat::Caveat;
use crate::report::comparison::PeriodComparison;
use crate::report::dimension::{By, Dimensions};
use crate::report::groups::Groups;
use crate::report::summary::Summary;
use crate::report::terminal::TextStyle;
use crate::runs::column_set::ColumnSet;
use crate::runs::row::ROW;
use crate::text::nearest::did_you_mean;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(mut args: ReportArgs, context: Context) -> Result<()> {
    if let Some(name) = &args.sql {
        return print(&sql::text(name)?);
    }
    budgets::read_file(&mut args.judge)?;
    let look = context.style;
    run_blocking(move |stop| report(&args, look, stop)).await
}

fn report(args: &ReportArgs, look: TextStyle, stop: &CancelFlag) -> Result<()> {
    compare::check_offline(&args.judge)?;
    let (written, report) = archive::read(|opening| prepare(args, look, stop, opening))?;
    written.publish(args.quiet)?;
    report.facts.gaps().into_iter().for_each(|gap| warn(&gap.to_string()));
    budgets::hold(&args.judge, &report.budgets)?;
    strict::hold(args.strict, &report.facts, "reported")
}

/// Reads, checks and writes everything; nothing of it is visible yet.
fn prepare(
    args: &ReportArgs,
    look: TextStyle,
    stop: &CancelFlag,
    opening: &ArchiveOpener,
) -> Result<(UnpublishedReport, Report)> {
    let Some(path) = &args.path else {
        return Err(Error::Usage("a report needs the PATH of an export or a lake".into()));
    };
    let archive = opening.open(path, args.as_of)?;
    let archive = archive.as_ref();
    let columns = archive.columns()?;
    let held = archive.info()?;
    compare::check_previous(&args.judge, &held)?;
    let groups = match &args.groups {
        Some(file) => Some(budgets::read_groups(file, &columns)?),
        None => held.groups.clone().map(Groups::of),
    };
    budgets::check(&args.judge, groups.as_ref())?;
    let period = asked(args, archive, &held)?;
    installed_zones::warning(&period).iter().for_each(|text| warn(text));
    let dimensions = dimensions(args, &columns, groups.clone())?;
    let mut output = ReportOutput::open(args, &held, &columns, look)?;
    // What is checked anyway needn't be folded twice.
    let is_as_held = period == held.period && args.by.is_empty() && args.groups.is_none();
    let summary = (!is_as_held).then(|| Summary::of(&period, dimensions));
    let wanted = if output.wants_all_columns() {
        columns.clone()
    } else {
        columns.intersect(&ROW)
    };
    let figures = archive.read(&period, &wanted, summary, &mut |rows| {
        stop.check()?;
        output.rows(rows)
    })?;
    let usage = archive.usage(&period)?;
    let mut facts = archive.facts(period, &figures)?;
    let scope = ComparisonScope::new(&facts, groups);
    let against = comparison(&args.judge, opening, (archive, path), &scope, stop)?;
    let spent = budgets::spent(&args.judge.budget, &figures, &facts.period, facts.lacks_runs());
    for caveat in budgets::unmatched(&spent) {
        warn(&caveat.to_string());
        facts.caveats.push(caveat);
    }
    if args.groups.is_some() {
        facts
            .caveats
            .retain(|caveat| !matches!(caveat, Caveat::RulesUnmatched { .. }));
        facts.caveats.extend(budgets::unmatched_rules(&figures));
    }
    let is_part = facts.part_of.is_some();
    let mut report = Report {
        facts,
        figures,
        usage,
        reconciled: None,
        against,
        budgets: spent,
        // What moved did so in all of the period.
        replaced: held.replaced.filter(|_| !is_part),
        files: held.files,
        only: Vec::new(),
    };
    report.only = chosen(args, &report)?;
    let written = output.write(&report, archive, stop)?;
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

fn dimensions(args: &ReportArgs, columns: &ColumnSet, groups: Option<Groups>) -> Result<Dimensions> {
    let mut dimensions = Dimensions::of(columns, groups);
    for by in &args.by {
        dimensions.and(*by).map_err(Error::usage)?;
    }
    Ok(dimensions)
}

/// The period that was asked for, which must be covered: exit 2 otherwise.
fn asked(args: &ReportArgs, archive: &dyn Archive, held: &ArchiveInfo) -> Result<Period> {
    let timezone = args.timezone.unwrap_or(held.period.timezone);
    let spec = match (&args.month, args.from, args.to) {
        (Some(month), ..) => month.clone(),
        (None, Some(from), Some(to)) => PeriodSpec::FromTo { from, to },
        _ => {
            return Ok(Period {
                timezone,
                ..held.period.clone()
            });
        }
    };
    // Whatever lies in the future is just another period that isn't covered.
    let period = spec.resolve(timezone, LAST_INSTANT)?;
    let covered = archive.slice_period(&period)?;
    covered.ok_or_else(|| not_covered(held, &period, args.timezone))
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
