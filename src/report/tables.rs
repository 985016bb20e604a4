//! Figures as tables: which columns each report has, and in which order.

mod actors;
mod units;

use std::borrow::Cow;

use actors::{unsettled, unsuccessful};
use units::unit_costs;

use super::dimension::{By, Dimension};
use super::figures::{Breakdown, DearRun, Figures};
use super::groups::UNASSIGNED;
use super::measures::Measures;
use super::table::{Cell, CellKind, Table, TableColumn, column};
use crate::money::share_6_places;

pub const MEASURES: [TableColumn; 11] = [
    column("runs", "runs", CellKind::Count),
    column("runs_succeeded", "succeeded", CellKind::Count),
    column("runs_failed", "failed", CellKind::Count),
    column("runs_timed_out", "timed out", CellKind::Count),
    column("runs_aborted", "aborted", CellKind::Count),
    column("runs_other", "other", CellKind::Count),
    column("usage_total_usd", "usage, $", CellKind::Usd),
    column("share", "share", CellKind::Share),
    column("mean_usd", "mean, $", CellKind::Mean),
    column("runs_cost_unknown", "cost unknown", CellKind::Count),
    column("runs_provisional", "provisional", CellKind::Count),
];

pub const ACT_ID: TableColumn = column("act_id", "act_id", CellKind::Key);
pub const ACT_NAME: TableColumn = column("act_name", "Actor", CellKind::Name);

pub const UNSUCCESSFUL: &str = "unsuccessful_by_actor";
pub const DEAREST_RUNS: &str = "dearest_runs";
pub const UNSETTLED: &str = "unsettled_by_actor";
pub const UNIT_COSTS: &str = "unit_costs";

/// The names of the tables of an export, without those of two dimensions together.
pub fn report_names() -> Vec<&'static str> {
    let breakdowns = Dimension::ALL.map(Dimension::report);
    breakdowns
        .into_iter()
        .chain([UNSUCCESSFUL, DEAREST_RUNS, UNSETTLED, UNIT_COSTS])
        .collect()
}

impl Figures {
    pub fn tables(&self) -> Vec<Table<'_>> {
        let breakdowns = self.breakdowns.iter().map(|breakdown| breakdown.table(&self.totals));
        let mut tables: Vec<Table> = breakdowns.collect();
        tables.extend(
            self.by(Dimension::Actor)
                .map(|actors| unsuccessful(actors, &self.totals)),
        );
        tables.push(dearest(&self.dearest, &self.totals));
        tables.extend(self.by(Dimension::Actor).map(|actors| unsettled(actors, &self.totals)));
        // A lake has the columns of details always.
        let units = self.unit_costs.as_ref().filter(|units| !units.are_all_left_out());
        tables.extend(units.map(|units| unit_costs(units, &self.cube)));
        tables
    }
}

impl Breakdown {
    pub fn table<'r>(&'r self, totals: &'r Measures) -> Table<'r> {
        let keys = self.by.dimensions().map(key_column);
        let labels = label_columns(self.by);
        let columns: Vec<TableColumn> = keys
            .chain(MEASURES)
            .chain(labels.iter().map(|(.., column)| *column))
            .collect();
        let width = columns.len();
        let row = move |at| {
            let group = self.group(at);
            let mut cells: Vec<Cell> = (0..self.by.dimensions().count())
                .map(|which| Cell::text(group.key(which)))
                .collect();
            cells.extend(measures(group.measures, totals));
            cells.extend(
                labels
                    .iter()
                    .map(|(which, label, _)| Cell::text(group.label(*which, *label))),
            );
            cells
        };
        let mut total: Vec<Cell> = self.by.dimensions().map(|_| Cell::Absent).collect();
        total.extend(measures(totals, totals));
        total.resize(width, Cell::Absent);
        Table {
            name: Cow::Owned(self.by.name()),
            title: self.by.title(),
            columns,
            len: self.len(),
            row: Box::new(row),
            total: Some(total),
            note: self.note(totals),
        }
    }

    /// Of groups: how much of the usage has none.
    pub fn note(&self, totals: &Measures) -> Option<String> {
        if self.by != Dimension::Group.into() {
            return None;
        }
        let mut groups = self.groups();
        let unassigned = groups.find(|group| group.key(0) == Some(UNASSIGNED))?;
        let share = unassigned.measures.share_of(totals)?.percent()?;
        Some(format!("{share} of usage is unassigned: no rule of --groups matches."))
    }
}

fn key_column(dimension: Dimension) -> TableColumn {
    let kind = match dimension {
        _ if dimension.is_time() => CellKind::Date,
        _ if dimension.is_named_by_people() => CellKind::Name,
        _ => CellKind::Key,
    };
    TableColumn {
        absent: dimension.absent(),
        ..column(dimension.key(), dimension.key(), kind)
    }
}

/// The columns of what a report's values are called, each once: the dimension's and the label's place, and the column.
fn label_columns(by: By) -> Vec<(usize, usize, TableColumn)> {
    let mut columns: Vec<(usize, usize, TableColumn)> = Vec::new();
    for (which, dimension) in by.dimensions().enumerate() {
        for (label, name) in dimension.labels().iter().enumerate() {
            // Beside its Actor, a build is called by its number.
            let is_others = dimension == Dimension::Build
                && *name == ACT_NAME.name
                && by.dimensions().any(|one| one == Dimension::Actor);
            if !is_others && columns.iter().all(|(.., column)| column.name != *name) {
                columns.push((which, label, label_column(name)));
            }
        }
    }
    columns
}

fn label_column(name: &'static str) -> TableColumn {
    match name {
        "act_name" => ACT_NAME,
        "actor_task_name" => column("actor_task_name", "task", CellKind::Name),
        "account_name" => column("account_name", "account", CellKind::Name),
        "meta_schedule_name" => column("meta_schedule_name", "schedule", CellKind::Name),
        _ => column(name, "build", CellKind::Name),
    }
}

fn measures<'r>(measures: &Measures, totals: &Measures) -> [Cell<'r>; MEASURES.len()] {
    [
        Cell::Count(measures.runs()),
        Cell::Count(measures.succeeded().runs),
        Cell::Count(measures.failed.runs),
        Cell::Count(measures.timed_out.runs),
        Cell::Count(measures.aborted.runs),
        Cell::Count(measures.other.runs),
        Cell::usd(measures.usage()),
        Cell::decimal(measures.share_of(totals)),
        Cell::decimal(measures.mean_usd()),
        Cell::Count(measures.cost_unknown()),
        Cell::Count(measures.provisional.runs),
    ]
}

fn dearest<'r>(runs: &'r [DearRun], totals: &'r Measures) -> Table<'r> {
    let row = move |at: usize| {
        let run = &runs[at];
        let share = totals.usage().and_then(|all| share_6_places(run.usage, all));
        vec![
            Cell::text(Some(&run.id)),
            Cell::text(Some(&run.act_id)),
            Cell::text(Some(&run.status)),
            Cell::Instant(run.started_at_ms),
            run.finished_at_ms.map_or(Cell::Absent, Cell::Instant),
            Cell::text(run.meta_origin.as_deref()),
            Cell::text(run.actor_task_id.as_deref()),
            Cell::Usd(run.usage),
            Cell::decimal(share),
            Cell::text(Some(&run.cost_state)),
            Cell::text(run.act_name.as_deref()),
            Cell::text(run.actor_task_name.as_deref()),
        ]
    };
    Table {
        name: DEAREST_RUNS.into(),
        title: "Most expensive runs".into(),
        columns: vec![
            column("id", "run", CellKind::Key),
            ACT_ID,
            column("status", "status", CellKind::Key),
            column("started_at", "started", CellKind::Instant),
            column("finished_at", "finished", CellKind::Instant),
            column("meta_origin", "origin", CellKind::Key),
            column("actor_task_id", "actor_task_id", CellKind::Key),
            column("usage_total_usd", "usage, $", CellKind::Usd),
            column("share", "share", CellKind::Share),
            column("cost_state", "cost state", CellKind::Key),
            ACT_NAME,
            column("actor_task_name", "task", CellKind::Name),
        ],
        len: runs.len(),
        row: Box::new(row),
        total: None,
        note: None,
    }
}
