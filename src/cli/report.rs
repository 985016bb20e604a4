//! Options of `report`.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::{OUTPUT, RUNS_AND_COSTS};
use crate::archive::address::{ArchiveAddress, AsOf};
use crate::cli::report_csv::ReportCsvArgs;
use crate::cli::shared::{JudgeArgs, Strict, UnusualArgs, parse_element};
use crate::output::focus::{FocusGrain, FocusVersion, SplitSize};
use crate::output::modes::parse_mode;
use crate::period::{Edge, PeriodSpec, Zone, parse_edge, parse_month, parse_timezone};
use crate::report::dimension::By;
use crate::report::run_filter::RunFilter;

const PERIOD: &str = "Period [default: all]";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Summary, or the tables of --by and --only
    Terminal,
    /// summary.txt: at most 45 lines, to mail
    Summary,
    /// report.md
    Md,
    /// report.html
    Html,
    /// report.xlsx
    Xlsx,
    /// report.json
    Json,
    /// One CSV file for each report
    Csv,
    /// focus.csv, focus.parquet, focus-missing.csv
    Focus,
}

#[derive(Debug, Args)]
#[command(
    mut_arg("compare", |arg| arg.help("Compare with an export or a lake, or `previous`")),
    after_help = "Examples:
  apify-runs report september --by actor,status
  apify-runs report lake --month 2025-09 --format html,xlsx --out figures"
)]
pub struct ReportArgs {
    /// Export or lake; several, of any accounts, make one report
    #[arg(value_name = "PATH", required_unless_present = "sql")]
    pub paths: Vec<ArchiveAddress>,
    /// Only this calendar month, such as 2025-09
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month, conflicts_with = "from", help_heading = PERIOD)]
    pub month: Option<PeriodSpec>,
    /// Start: a date, or an instant (RFC 3339)
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "to", help_heading = PERIOD)]
    pub from: Option<Edge>,
    /// End, not included: a date, or an instant (RFC 3339)
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "from", help_heading = PERIOD)]
    pub to: Option<Edge>,
    /// Time zone [default: the export's; for a lake UTC]
    #[arg(long, value_name = "ZONE", value_parser = parse_timezone, help_heading = PERIOD)]
    pub timezone: Option<Zone>,
    /// Lake as of a UTC date, instant (RFC 3339) or version
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse, help_heading = PERIOD)]
    pub as_of: Option<AsOf>,
    /// By one or two of actor, status, day, week, month, task, schedule, origin, build, user, group, account
    #[arg(long, value_name = "DIMENSION", value_parser = By::parse, help_heading = RUNS_AND_COSTS)]
    pub by: Vec<By>,
    /// Only runs of: actor=me/crawler,status=FAILED,group=Ops
    #[arg(long = "where", value_name = "FILTER", value_parser = RunFilter::parse, help_heading = RUNS_AND_COSTS)]
    pub only_runs: Vec<RunFilter>,
    /// Only these reports, such as cost_by_actor (comma list)
    #[arg(long, value_name = "REPORT", value_delimiter = ',', value_parser = parse_element, help_heading = RUNS_AND_COSTS)]
    pub only: Vec<String>,
    /// Print a report's SQL by name; `list` prints all names
    #[arg(long, value_name = "REPORT", exclusive = true, help_heading = RUNS_AND_COSTS)]
    pub sql: Option<String>,
    /// CSV file with rules of groups [default: the export's]
    #[arg(long, value_name = "FILE", help_heading = RUNS_AND_COSTS)]
    pub groups: Option<PathBuf>,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub unusual: UnusualArgs,
    /// Formats: terminal, summary, md, html, xlsx, json, csv, focus (comma list; only one to stdout) [default:
    /// terminal]
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', hide_possible_values = true, help_heading = OUTPUT)]
    pub format: Vec<ReportFormat>,
    /// Folder, or file such as x.xlsx [default: stdout]
    #[arg(long, short, value_name = "DIR|FILE", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Mode of the files, such as 640 [default: 600 with personal data, else by umask]
    #[arg(hide = true, long, value_name = "OCTAL", value_parser = parse_mode, help_heading = OUTPUT)]
    pub mode: Option<u32>,
    #[command(flatten)]
    pub report_csv: ReportCsvArgs,
    #[command(flatten)]
    pub focus: FocusArgs,
    /// Add a sheet with all runs to the workbook
    #[arg(long, help_heading = OUTPUT)]
    pub with_runs: bool,
    /// Exit 7 if a figure is not final; =incomplete: only if runs may be missing
    #[arg(
        long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        help_heading = OUTPUT
    )]
    pub strict: Strict,
    /// Print only warnings and errors
    #[arg(long, short, requires = "out", help_heading = OUTPUT)]
    pub quiet: bool,
}

/// What FOCUS files hold, and in which form.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = OUTPUT)]
pub struct FocusArgs {
    /// Rows of FOCUS: one per run, or one per day (UTC), Actor, task, status and user: run or day [default: run]
    #[arg(hide = true, long, value_name = "GRAIN", hide_possible_values = true)]
    pub focus_grain: Option<FocusGrain>,
    /// Write FOCUS as focus-0001.csv and so on, each with at most SIZE, such as 2MB, and 10,000 rows
    #[arg(hide = true, long, value_name = "SIZE", value_parser = SplitSize::parse)]
    pub focus_split: Option<SplitSize>,
    /// Version of FOCUS: 1.2 or 1.4 [default: 1.2]
    #[arg(hide = true, long, value_name = "V", hide_possible_values = true)]
    pub focus_version: Option<FocusVersion>,
}

impl FocusArgs {
    /// The first option that is set.
    pub fn first_set(&self) -> Option<&'static str> {
        let options = [
            ("--focus-grain", self.focus_grain.is_some()),
            ("--focus-split", self.focus_split.is_some()),
            ("--focus-version", self.focus_version.is_some()),
        ];
        options.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }
}

impl ValueEnum for FocusGrain {
    fn value_variants<'a>() -> &'a [FocusGrain] {
        &[FocusGrain::Run, FocusGrain::Day]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            FocusGrain::Run => PossibleValue::new("run").help("One row per run"),
            FocusGrain::Day => PossibleValue::new("day").help("One row per UTC day, Actor, task, status and user"),
        })
    }
}

impl ValueEnum for FocusVersion {
    fn value_variants<'a>() -> &'a [FocusVersion] {
        &[FocusVersion::V1_2, FocusVersion::V1_4]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}
