//! `report.html`: the page that is forwarded. One file, complete without its script and without anything from elsewhere; the
//! script, `reports/report.js`, narrows it to some of the runs. Figures become words here and in the files beside; what stands
//! where, and how it looks, is the template's: `reports/report.html`.

mod breakdown;
mod budgets;
mod chart;
mod csp;
mod dearest;
mod explained;
mod grid;
mod head;
mod layout;
mod page_cube;
mod run_page;
mod scale;
mod served;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::period::{Millis, format_instant};
use crate::provenance::FileEntry;
use crate::report::Report;
use crate::report::account_usage::{BUILDS, BUILDS_BY_ACTOR, USAGE_BY_DAY, USAGE_BY_SERVICE, USAGE_EXPLAINED};
use crate::report::budget::BUDGETS;
use crate::report::comparison::{CHANGE_BY_ACTOR, CHANGE_BY_DAY, CHANGE_BY_GROUP, CHANGE_OF_TOTALS};
use crate::report::dimension::Dimension;
use crate::report::display_text::sentence;
use crate::report::figures::Cube;
use crate::report::headline::{self, to_minute};
use crate::report::html::budgets::BudgetBar;
use crate::report::html::chart::Chart;
use crate::report::html::grid::{Grid, GridCell, GridHead, GridRow};
use crate::report::html::page_cube::{CubeBounds, PageCube};
use crate::report::reconcile::{OF_DAYS, OF_METERS, OF_SERVICES};
use crate::report::table::Table;
use crate::report::tables::{DEAREST_RUNS, UNIT_COSTS, UNSETTLED, UNSUCCESSFUL};
use crate::text::thousands;

pub use run_page::render as render_run;
pub use served::{ServedLinks, last_whole_month};

const RUN_TEMPLATE: &str = include_str!("../../reports/run.html");
/// Where the style of the report goes in other pages.
const STYLE_PLACE: &str = "<!--style-->";
const TEMPLATE: &str = include_str!("../../reports/report.html");
/// What answers questions on the page: it adds up what stands in the page, and asks nobody.
const SCRIPT_SOURCE: &str = include_str!("../../reports/report.js");
/// Where data and script go. No value can bring it: values are escaped.
const SCRIPT_PLACE: &str = "<!--script-->";
/// What short heads of columns stand for.
const MEANINGS: [(&str, &str); 6] = [
    ("share", "share of the usage of all runs"),
    ("mean per run", "usage divided by the runs that have a known cost"),
    ("unsuccessful", "runs that failed, timed out or were aborted"),
    ("cost unknown", "runs without a known cost: they are not in the usage"),
    ("provisional", "runs whose cost may still change: they are in the usage"),
    (
        "builds",
        "usage of the Actor's own builds, which is not in the usage of its runs",
    ),
];
/// Files that are listed one by one: an export by days may have thousands.
const MOST_FILES: usize = 400;

#[derive(Serialize)]
struct ReportPage {
    policy: String,
    version: &'static str,
    top: head::Top,
    /// Of the data that its script adds up, if it has any.
    cube: Option<CubeBounds>,
    replaced: Option<Vec<String>>,
    before: Option<Vec<String>>,
    sections: Vec<Section>,
    please_note: &'static str,
    how_to_read: String,
    /// What short heads of columns stand for, which the pointer shows.
    meanings: BTreeMap<&'static str, &'static str>,
    files: Grid,
    served: Option<ServedLinks>,
}

#[derive(Default, Serialize)]
struct Section {
    /// The name of its report, by which links find it.
    name: String,
    /// Its columns in files with a space between, if it follows the page's filter; else empty.
    columns: String,
    title: String,
    chart: Option<Chart>,
    budgets: Vec<BudgetBar>,
    /// What there is to say instead of a table.
    instead: Option<String>,
    grid: Option<Grid>,
    /// Whether its table is folded away until it is asked for.
    is_folded: bool,
}

/// The file that `report.html` is.
pub fn render(report: &Report) -> String {
    page(report, None)
}

/// The same page as `serve` shows it.
pub fn render_served(report: &Report, links: ServedLinks) -> String {
    page(report, Some(links))
}

/// What a browser may do with the page.
pub fn policy() -> String {
    csp::policy(csp::style(TEMPLATE), &script())
}

fn page(report: &Report, served: Option<ServedLinks>) -> String {
    let cube = page_cube::page_cube(report, served.is_some());
    let page = ReportPage {
        policy: policy(),
        version: env!("CARGO_PKG_VERSION"),
        top: head::top(report),
        cube: cube.as_ref().map(PageCube::bounds),
        replaced: report.replaced.as_ref().map(head::replaced),
        before: report.against.as_ref().map(|against| {
            let sentences = against.sentences(report.reported_period());
            sentences.iter().map(|text| sentence(text)).collect()
        }),
        sections: sections(report, served.is_some()),
        please_note: headline::PLEASE_NOTE,
        how_to_read: headline::how_to_read(headline::EXACT),
        meanings: MEANINGS.into(),
        files: files(&report.files),
        served,
    };
    let text = filled(TEMPLATE, &page).expect("the template shows pages, as tests show");
    let data = cube.map_or(String::new(), |cube| {
        let (json, script) = (cube.json(), script());
        format!("<script type=\"application/json\" id=\"cube\">{json}</script>\n<script>{script}</script>")
    });
    text.replacen(SCRIPT_PLACE, &data, 1)
}

/// The script as pages have it: without indentation, empty lines and lines of comment, which are for readers of its source.
fn script() -> String {
    let lines = SCRIPT_SOURCE.lines().map(str::trim_start);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    lines.join("\n")
}

fn filled(template: &'static str, page: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // A tag's line is no line of the page.
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build()?);
    environment.add_template("page.html", template)?;
    environment.get_template("page.html")?.render(Serde(page))
}

/// The order in which people ask. Reports that have no place in it stand at the end.
fn order(name: &str) -> usize {
    let first = [
        CHANGE_OF_TOTALS,
        CHANGE_BY_GROUP,
        CHANGE_BY_ACTOR,
        CHANGE_BY_DAY,
        BUDGETS,
        Dimension::Account.report(),
        Dimension::Group.report(),
        Dimension::Day.report(),
        Dimension::Actor.report(),
        UNSUCCESSFUL,
        UNIT_COSTS,
        USAGE_EXPLAINED,
        USAGE_BY_SERVICE,
        OF_SERVICES,
        OF_METERS,
        OF_DAYS,
        USAGE_BY_DAY,
        BUILDS_BY_ACTOR,
        BUILDS,
        Dimension::Task.report(),
        Dimension::Schedule.report(),
        Dimension::User.report(),
        Dimension::Origin.report(),
        Dimension::Status.report(),
        Dimension::Build.report(),
        Dimension::Week.report(),
        Dimension::Month.report(),
        DEAREST_RUNS,
        UNSETTLED,
    ];
    first.iter().position(|other| *other == name).unwrap_or(first.len())
}

fn sections(report: &Report, is_served: bool) -> Vec<Section> {
    let mut tables = report.tables();
    tables.sort_by_key(|table| order(&table.name));
    tables.iter().map(|table| section(report, table, is_served)).collect()
}

fn section(report: &Report, table: &Table, is_served: bool) -> Section {
    let figures = &report.figures;
    let section = Section {
        name: table.name.to_string(),
        columns: columns_that_follow(table),
        title: table.title.clone(),
        ..Section::default()
    };
    if table.len == 0 {
        return Section {
            instead: Some("None.".into()),
            ..section
        };
    }
    let breakdown = figures.breakdowns.iter().find(|one| one.by.name() == table.name);
    match (&*table.name, breakdown) {
        (BUDGETS, _) => Section {
            budgets: budgets::budgets(&report.budgets),
            ..section
        },
        (DEAREST_RUNS, _) => Section {
            grid: Some(dearest::grid(report, table.title.clone(), is_served)),
            ..section
        },
        (USAGE_EXPLAINED, _) => Section {
            grid: report
                .usage_explained()
                .map(|explained| explained::grid(&explained, table)),
            ..section
        },
        (_, Some(breakdown)) if breakdown.by == Dimension::Day.into() => {
            let chart = chart::chart(report, table.title.clone());
            let grid = chart.is_none().then(|| Grid::of(table));
            Section { chart, grid, ..section }
        }
        (_, Some(breakdown)) => match breakdown::alone(breakdown) {
            None => Section {
                grid: Some(breakdown::grid(breakdown, &figures.totals, report.usage.as_ref())),
                ..section
            },
            instead => Section { instead, ..section },
        },
        (name, None) => Section {
            grid: Some(Grid::of(table)),
            is_folded: [CHANGE_BY_DAY, USAGE_BY_DAY, BUILDS].contains(&name),
            ..section
        },
    }
}

/// The columns of a report that can be added up from the page's data; else nothing.
fn columns_that_follow(table: &Table) -> String {
    let by = Dimension::ALL.iter().find(|dimension| dimension.report() == table.name);
    if !(by.is_some_and(|by| Cube::tells(*by)) || [UNSUCCESSFUL, UNSETTLED].contains(&&*table.name)) {
        return String::new();
    }
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    names.join(" ")
}

/// The export's files: what makes them the ones that these figures are of.
fn files(files: &[FileEntry]) -> Grid {
    let line = |file: &FileEntry| {
        GridRow::of(vec![
            GridCell {
                is_code: true,
                ..GridCell::words(&file.path)
            },
            GridCell::words(thousands(file.bytes)),
            file.rows.map_or(GridCell::default(), GridCell::count),
            GridCell {
                is_code: true,
                ..GridCell::words(&file.sha256)
            },
        ])
    };
    let more = files.len().saturating_sub(MOST_FILES) as u64;
    Grid {
        caption: "Files of this export".into(),
        heads: vec![
            GridHead::text("file"),
            GridHead::number("bytes"),
            GridHead::number("rows"),
            GridHead::text("SHA-256"),
        ],
        rows: files.iter().take(MOST_FILES).map(line).collect(),
        note: (more > 0).then(|| format!("manifest.json lists {} more.", thousands(more))),
    }
}

fn minute(ms: Millis) -> String {
    to_minute(&format_instant(ms))
}
