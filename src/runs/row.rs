//! A row of an export as reports and checks look at it, whether it comes from a batch or from a line of CSV.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch, StringArray};

use super::cost_state::{PROVISIONAL, SETTLED, UNKNOWN};
use crate::money::Usd;

/// The columns that a row is made of, by the table's order.
pub const ROW: [&str; 15] = [
    "id",
    "act_id",
    "user_id",
    "actor_task_id",
    "status",
    "started_at",
    "finished_at",
    "build_id",
    "build_number",
    "meta_origin",
    "meta_schedule_id",
    "usage_total_usd",
    "cost_state",
    "act_name",
    "actor_task_name",
];

/// One run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its ID.
    pub id: &'a str,
    /// Its Actor.
    pub act_id: &'a str,
    /// Who started it, where that is told.
    pub user_id: Option<&'a str>,
    /// Its task, if it has one.
    pub actor_task_id: Option<&'a str>,
    /// Its status.
    pub status: &'a str,
    /// When it started: milliseconds since the epoch.
    pub started_at_ms: i64,
    /// When it finished, if it has and that is told.
    pub finished_at_ms: Option<i64>,
    /// The build it ran, where that is told.
    pub build_id: Option<&'a str>,
    /// That build's number.
    pub build_number: Option<&'a str>,
    /// What started it.
    pub origin: Option<&'a str>,
    /// The schedule that started it, if one did.
    pub schedule_id: Option<&'a str>,
    /// Its cost, where known.
    pub usage: Option<Usd>,
    /// How final that is.
    pub cost_state: &'a str,
    /// Its Actor's name, where known.
    pub act_name: Option<&'a str>,
    /// Its task's name, where known.
    pub actor_task_name: Option<&'a str>,
}

impl Row<'_> {
    /// What makes no sense about it by itself, in words that follow 'run ID'.
    pub fn fault(&self) -> Option<&'static str> {
        if self.id.is_empty() || self.act_id.is_empty() || self.status.is_empty() {
            return Some("lacks its ID, Actor or status");
        }
        let fits = match self.usage {
            None => self.cost_state == UNKNOWN,
            Some(_) => self.cost_state == SETTLED || self.cost_state == PROVISIONAL,
        };
        (!fits).then_some("has a cost_state that its cost doesn't go with")
    }
}

/// The rows of a batch of an export's columns, of which some may have been left out.
pub fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Row<'_>> {
    let needed = |name: &str| {
        batch
            .column_by_name(name)
            .expect("an export has what reports are made from")
    };
    let text = |name: &str| needed(name).as_string::<i32>();
    let optional = |name: &str| batch.column_by_name(name).map(|column| column.as_string::<i32>());
    let (ids, act_ids, statuses, states) = (text("id"), text("act_id"), text("status"), text("cost_state"));
    let started = needed("started_at").as_primitive::<TimestampMillisecondType>();
    let usages = needed("usage_total_usd").as_primitive::<Decimal128Type>();
    let finished = batch.column_by_name("finished_at");
    let finished = finished.map(|column| column.as_primitive::<TimestampMillisecondType>());
    let users = optional("user_id");
    let builds = optional("build_id");
    let build_numbers = optional("build_number");
    let origins = optional("meta_origin");
    let schedules = optional("meta_schedule_id");
    let tasks = optional("actor_task_id");
    let act_names = optional("act_name");
    let task_names = optional("actor_task_name");
    (0..batch.num_rows()).map(move |row| Row {
        id: ids.value(row),
        act_id: act_ids.value(row),
        user_id: text_at(users, row),
        actor_task_id: text_at(tasks, row),
        status: statuses.value(row),
        started_at_ms: started.value(row),
        finished_at_ms: finished.filter(|at| at.is_valid(row)).map(|at| at.value(row)),
        build_id: text_at(builds, row),
        build_number: text_at(build_numbers, row),
        origin: text_at(origins, row),
        schedule_id: text_at(schedules, row),
        usage: usages.is_valid(row).then(|| Usd(usages.value(row))),
        cost_state: states.value(row),
        act_name: text_at(act_names, row),
        actor_task_name: text_at(task_names, row),
    })
}

fn text_at(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row))
}
