//! A row of an export as reports and checks see it. Borrowed from its batch, so that reading millions of them allocates nothing.

use arrow_array::RecordBatch;

use super::column_set::ColumnSet;
use super::cost_state::{PROVISIONAL, SETTLED, UNKNOWN};
use super::row_detail::{DetailColumns, RowDetail, detail_columns, have_details};
use super::run_columns::{RunColumns, value_at};
use crate::money::Usd;

/// The columns that a row is made of, by the table's order, but for those of its [`RowDetail`].
pub const ROW: [&str; 16] = [
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
    "meta_schedule_name",
];

/// Those of some columns that rows are made of.
pub fn columns_of_rows(columns: &ColumnSet) -> ColumnSet {
    let details = detail_columns().filter(|_| have_details(columns));
    columns.intersect(&ROW.into_iter().chain(details).collect::<Vec<_>>())
}

/// One run. `None` is NULL, or a column that the export left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row<'a> {
    pub id: &'a str,
    pub act_id: &'a str,
    pub user_id: Option<&'a str>,
    pub actor_task_id: Option<&'a str>,
    pub status: &'a str,
    /// Milliseconds since the epoch.
    pub started_at_ms: i64,
    pub finished_at_ms: Option<i64>,
    pub build_id: Option<&'a str>,
    pub build_number: Option<&'a str>,
    pub origin: Option<&'a str>,
    pub schedule_id: Option<&'a str>,
    pub usage: Option<Usd>,
    pub cost_state: &'a str,
    pub act_name: Option<&'a str>,
    pub actor_task_name: Option<&'a str>,
    pub schedule_name: Option<&'a str>,
    /// `None` where the export lacks one of its columns.
    pub detail: Option<RowDetail<'a>>,
}

impl Row<'_> {
    /// What is wrong with it by itself, in words that follow 'run ID'.
    pub fn fault(&self) -> Option<&'static str> {
        if self.id.is_empty() || self.act_id.is_empty() || self.status.is_empty() {
            return Some("lacks its ID, Actor or status");
        }
        let fits = match self.usage {
            None => self.cost_state == UNKNOWN,
            Some(_) => self.cost_state == SETTLED || self.cost_state == PROVISIONAL,
        };
        (!fits).then_some("has a cost_state that does not match its cost")
    }
}

/// The rows of a batch one by one. Columns are looked up once, not for each row.
///
/// # Panics
/// Where a column of [`super::column_set::NEEDED`] is absent: whoever read the file has refused that.
pub fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Row<'_>> {
    let columns = RunColumns(batch);
    let needed = |name: &str| columns.text(name).expect("every export has it");
    let [ids, act_ids, statuses, states] = ["id", "act_id", "status", "cost_state"].map(needed);
    let started = columns.instants("started_at").expect("every export has it");
    let usages = columns.decimals("usage_total_usd");
    let finished = columns.instants("finished_at");
    let text = |name: &str| columns.text(name);
    let [users, tasks, builds, build_numbers] = ["user_id", "actor_task_id", "build_id", "build_number"].map(text);
    let [origins, schedules] = ["meta_origin", "meta_schedule_id"].map(text);
    let [act_names, task_names, schedule_names] = ["act_name", "actor_task_name", "meta_schedule_name"].map(text);
    let details = DetailColumns::of(columns);
    (0..batch.num_rows()).map(move |row| Row {
        id: ids.value(row),
        act_id: act_ids.value(row),
        user_id: value_at(users, row),
        actor_task_id: value_at(tasks, row),
        status: statuses.value(row),
        started_at_ms: started.value(row),
        finished_at_ms: value_at(finished, row),
        build_id: value_at(builds, row),
        build_number: value_at(build_numbers, row),
        origin: value_at(origins, row),
        schedule_id: value_at(schedules, row),
        usage: value_at(usages, row).map(Usd),
        cost_state: states.value(row),
        act_name: value_at(act_names, row),
        actor_task_name: value_at(task_names, row),
        schedule_name: value_at(schedule_names, row),
        detail: details.as_ref().map(|details| details.at(row)),
    })
}
