//! What `report` takes.

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use super::OUTPUT;
use crate::archive::address::{ArchiveAddress, AsOf};
use crate::cli::shared::{JudgeArgs, Strict, parse_element};
use crate::period::{Edge, PeriodSpec, parse_edge, parse_month, parse_timezone};
use crate::report::dimension::By;

const PERIOD: &str = "Period [default: all of it]";
const SHOWN: &str = "What it shows";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// The summary, or the tables that are named
    Terminal,
    /// report.md
    Md,
    /// report.html
    Html,
    /// report.xlsx
    Xlsx,
    /// report.json
    Json,
    /// A CSV file a report
    Csv,
    /// focus.csv, focus.parquet, focus-missing.csv
    Focus,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs report september --by actor,status
  apify-runs report lake --month 2025-09 --format html,xlsx --out figures")]
pub struct ReportArgs {
    /// The export, or a lake
    #[arg(value_name = "PATH")]
    pub path: ArchiveAddress,
    /// Only a calendar month of it, such as 2025-09
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month, conflicts_with = "from", help_heading = PERIOD)]
    pub month: Option<PeriodSpec>,
    /// Only from this day or instant on: a date, or RFC 3339
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "to", help_heading = PERIOD)]
    pub from: Option<Edge>,
    /// Up to this day or instant, which is not included
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "from", help_heading = PERIOD)]
    pub to: Option<Edge>,
    /// The zone in which dates, months, weeks and days are read [default: the export's; of a lake UTC]
    #[arg(long, value_name = "IANA NAME", value_parser = parse_timezone, help_heading = PERIOD)]
    pub timezone: Option<Tz>,
    /// A lake as it was then: a date or instant (RFC 3339), UTC, or a version's number
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse, help_heading = PERIOD)]
    pub as_of: Option<AsOf>,
    /// Break runs down by actor, status, day, week, task, schedule, origin, build, user or group, or by two of them, as in
    /// actor,status; may be given more than once
    #[arg(long, value_name = "DIMENSION", value_parser = By::parse, help_heading = SHOWN)]
    pub by: Vec<By>,
    /// Only these reports, by the names of their files, such as cost_by_actor (comma list)
    #[arg(long, value_name = "REPORT", value_delimiter = ',', value_parser = parse_element, help_heading = SHOWN)]
    pub only: Vec<String>,
    /// Cost centres: a CSV file as for export [default: the rules that the export was made with]
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    pub groups: Option<PathBuf>,
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Formats, of terminal, md, html, xlsx, json, csv and focus (comma list; on stdout one)
    #[arg(
        long, value_name = "FORMAT", value_delimiter = ',', default_value = "terminal", hide_possible_values = true,
        help_heading = OUTPUT
    )]
    pub format: Vec<ReportFormat>,
    /// A folder for the files; never the export or lake itself [default: stdout]
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Add a sheet of all runs to the workbook
    #[arg(long, help_heading = OUTPUT)]
    pub with_runs: bool,
    /// Exit 7 if a figure isn't final; =incomplete: only if runs may be missing
    #[arg(
        long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        help_heading = OUTPUT
    )]
    pub strict: Strict,
    /// Print nothing but warnings and errors
    #[arg(long, short, requires = "out", help_heading = OUTPUT)]
    pub quiet: bool,
}
