//! `report`: an export's figures once more, from its files alone: other breakdowns, a part of its period, other formats, held
//! against another period or budgets. Nothing is shown before all of the export has been read and held against its manifest.

mod focus;
mod folder;
mod output;

use output::Output;

use super::compared::{self, Asked};
use super::part::{asked_at, holds, period_of, within};
use super::verify::read_verified;
use super::{Stop, Surroundings, budgets, say};
use crate::cli::ReportArgs;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::period::{LAST_INSTANT, Period, PeriodSpec};
use crate::report::Report;
use crate::report::against::Against;
use crate::report::dimension::{By, Dimensions};
use crate::report::facts::{Doubts, Facts, caveats_of_part};
use crate::report::figures::Figures;
use crate::report::groups::Groups;
use crate::report::summary::Summary;
use crate::report::terminal::Look;
use crate::runs::chosen::Chosen;
use crate::statement::Retention;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: ReportArgs, surroundings: Surroundings) -> Result<()> {
    let look = if surroundings.bold { Look::Bold } else { Look::Plain };
    Stop::run(move |stop| report(&args, look, stop)).await
}

fn report(args: &ReportArgs, look: Look, stop: &Stop) -> Result<()> {
    compared::check_offline(&args.judge)?;
    let manifest = Manifest::open(&args.path)?;
    let columns = manifest.columns.iter().map(String::as_str);
    let columns = Chosen::of_names(columns)
        .map_err(|problem| Error::Untrusted(format!("{}: manifest.json: {problem}", args.path.display())))?;
    let groups = match &args.groups {
        Some(file) => Some(budgets::read_groups(file, &columns)?),
        None => manifest.groups.clone().map(Groups::of),
    };
    let given = budgets::given(&args.judge, groups.as_ref())?;
    let whole = period_of(&manifest, &args.path)?;
    let period = asked(args, &whole)?;
    let mut dimensions = Dimensions::of(&columns, groups);
    for by in &args.by {
        dimensions.and(*by).map_err(Error::Usage)?;
    }
    let mut output = Output::open(args, &manifest, &columns, look)?;
    // What is checked anyway needn't be folded twice.
    let is_as_exported = period == whole && args.by.is_empty() && args.groups.is_none();
    let mut summary = (!is_as_exported).then(|| Summary::new(period.timezone, dimensions));
    let as_exported = read_verified(&args.path, &manifest, |batch| {
        stop.check()?;
        let rows = within(batch, &period);
        output.rows(&rows)?;
        summary.as_mut().map_or(Ok(()), |summary| summary.add(&rows))
    })?;
    let figures = summary.map_or(as_exported, Summary::finish);
    let mut facts = facts(&manifest, whole, period, &figures);
    let before = args.judge.compare.as_ref();
    let before = before
        .map(|path| compared::before(path, &Asked::of(&facts), stop))
        .transpose()?;
    let against = before.map(|before| Against {
        before,
        min_change: args.judge.min_change,
    });
    let spent = budgets::spent(&given, &figures, &facts.period, facts.lacks_runs());
    for option in budgets::unmatched(&spent) {
        say(&format!("apify-runs: warning: no run of the period is of {option}"));
        facts.caveats.push(format!("no run of the period is of {option}"));
    }
    let is_part = facts.part_of.is_some();
    let mut report = Report {
        facts,
        figures,
        against,
        budgets: spent,
        // What moved did so in all of the period.
        replaced: manifest.replaced.clone().filter(|_| !is_part),
        files: manifest.files.clone(),
        only: Vec::new(),
    };
    report.only = chosen(args, &report)?;
    output.write(&report, stop)?;
    budgets::hold(&args.judge, &report.budgets)
}

/// The period that was asked for, which the export must hold: exit 5 otherwise.
fn asked(args: &ReportArgs, whole: &Period) -> Result<Period> {
    let timezone = args.timezone.unwrap_or(whole.timezone);
    let spec = match (&args.month, args.from, args.to) {
        (Some(month), ..) => month.clone(),
        (None, Some(from), Some(to)) => PeriodSpec::FromTo { from, to },
        _ => {
            return Ok(Period {
                timezone,
                ..whole.clone()
            });
        }
    };
    // Whatever lies in the future is just another period that the export doesn't hold.
    let period = spec.resolve(timezone, LAST_INSTANT)?;
    if !holds(whole, &period) || period.from >= whole.to {
        return Err(Error::Untrusted(format!(
            "{} doesn't cover that period: it holds {}",
            args.path.display(),
            whole.first_line()
        )));
    }
    Ok(Period {
        to: period.requested_to.min(whole.to),
        ..period
    })
}

/// What the manifest says of the whole, made true of the part.
fn facts(manifest: &Manifest, whole: Period, period: Period, figures: &Figures) -> Facts {
    let is_part = (period.from, period.to) != (whole.from, whole.to);
    let asked_at = asked_at(manifest);
    let kept = manifest.retention.as_ref();
    let doubts = |cost_unknown, provisional, retention, cut| Doubts {
        cost_unknown,
        provisional,
        retention,
        cut,
        proven: true,
        ..Doubts::default()
    };
    let (retention, caveats) = if is_part {
        let retention = kept.map(|kept| Retention::of(kept.days, &period, asked_at));
        let (totals, part) = (&manifest.totals, &figures.totals);
        let of_whole = doubts(
            totals.runs_cost_unknown,
            totals.runs_provisional,
            kept.cloned(),
            whole.is_cut(),
        );
        let of_part = doubts(
            part.cost_unknown(),
            part.provisional.runs,
            retention.clone(),
            period.is_cut(),
        );
        (retention, caveats_of_part(&manifest.caveats, &of_whole, &of_part))
    } else {
        (kept.cloned(), manifest.caveats.clone())
    };
    // Budgets are this report's own: those that the export was held against are no part of its figures.
    let caveats = caveats
        .into_iter()
        .filter(|caveat| !caveat.contains("is of --budget "))
        .collect();
    Facts {
        account: manifest.account.clone(),
        source: manifest.source,
        period,
        part_of: is_part.then_some(whole),
        filters: manifest.filters.clone(),
        queried_at_ms: asked_at,
        proof: manifest.proof.clone(),
        retention,
        caveats,
    }
}

/// The tables that were asked for; none where all are. Exit 2 for a name that there is not.
fn chosen(args: &ReportArgs, report: &Report) -> Result<Vec<String>> {
    let tables = report.tables();
    let names: Vec<&str> = tables.iter().map(|table| &*table.name).collect();
    if let Some(unknown) = args.only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::Usage(format!(
            "there is no report {unknown:?} of this export; there are {}",
            names.join(", ")
        )));
    }
    let by = args.by.iter().copied().map(By::name);
    Ok(args.only.iter().cloned().chain(by).collect())
}
