//! What the heads of tables stand for, by hand: which member of a row of report.json a column has to show.

/// How a column shows its member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Text that is the same in all formats.
    Text(&'static str),
    /// What something is called, or else its ID; with the ID where a format has both in one cell.
    Name(&'static str, &'static str),
    /// A value of files for which people read words.
    Word(&'static str),
    /// A count, or the sum of several.
    Counts(&'static [&'static str]),
    Usd(&'static str),
    /// The usage of a part of the runs, zero where there are none of them but a cost is known.
    UsageOfPart,
    Quantity(&'static str),
    Share(&'static str),
    /// A change in percent; words where that would say little.
    Change(&'static str),
    /// US dollars in six places.
    Mean(&'static str),
    Day(&'static str),
    Instant(&'static str),
    /// Usage of an Actor with a colour of its own, or of all others, by its number.
    Layer(usize),
    /// Builds of the Actor, in dollars and beneath it their number.
    Builds,
}

/// Every table's name in report.json, and its title.
pub const TITLES: [(&str, &str); 31] = [
    ("budgets", "Budgets"),
    ("change_of_totals", "Change since the previous period"),
    ("change_by_group", "Change by group since the previous period"),
    ("change_by_actor", "Change by Actor since the previous period"),
    ("change_by_day", "Change by day since the previous period"),
    ("cost_by_group", "Cost by group"),
    ("cost_by_actor", "Cost by Actor"),
    ("status_summary", "Runs and cost by status"),
    ("cost_by_account", "Cost by account"),
    ("cost_by_day", "Cost by day"),
    ("cost_by_week", "Cost by week"),
    ("cost_by_month", "Cost by month"),
    ("cost_by_task", "Cost by task"),
    ("cost_by_schedule", "Cost by schedule"),
    ("cost_by_origin", "Cost by origin (what started the run)"),
    ("cost_by_build", "Cost by build"),
    ("cost_by_user", "Cost by user (who started the run)"),
    ("cost_by_actor_and_day", "Cost by Actor and day"),
    ("cost_by_actor_and_status", "Cost by Actor and status"),
    ("cost_by_group_and_status", "Cost by group and status"),
    (
        "unsuccessful_by_actor",
        "Unsuccessful runs by Actor: failed, timed out or aborted",
    ),
    ("dearest_runs", "Most expensive runs"),
    ("unsettled_by_actor", "Runs of unknown or provisional cost by Actor"),
    ("unit_costs", "Unit costs by Actor and event"),
    ("usage_by_service", "Usage that Apify counts by service"),
    ("usage_by_day", "Usage that Apify counts by day (UTC)"),
    ("builds_by_actor", "Builds by Actor"),
    ("builds", "Builds"),
    // Not a title of a table: of the largest changes, a summary shows the first.
    ("change_by_actor", "Largest changes since the previous period"),
    // The page's own words where it says more.
    ("cost_by_week", "Cost by week (from Monday)"),
    ("usage_explained", "Usage that Apify counts"),
];

/// The name in report.json of a table by its title.
pub fn name_of(title: &str) -> &'static str {
    let exact = TITLES.iter().find(|(_, known)| *known == title);
    let explained = title
        .starts_with("Usage that Apify counts, ")
        .then_some("usage_explained");
    exact
        .map(|(name, _)| *name)
        .or(explained)
        .unwrap_or_else(|| panic!("no counterpart in report.json: table {title:?}"))
}

/// What a head stands for; `is_text` for the terminal and summary.txt, whose unsuccessful runs are in dollars.
pub fn column(table: &str, head: &str, is_text: bool) -> Column {
    use Column::*;
    let usage = match table {
        "usage_by_service" | "usage_by_day" | "usage_explained" => "usage_usd",
        _ => "usage_total_usd",
    };
    let unknown: &[&str] = match table {
        "unsuccessful_by_actor" => &["runs_unsuccessful_cost_unknown"],
        "builds_by_actor" => &["builds_cost_unknown"],
        _ => &["runs_cost_unknown"],
    };
    match (table, head.strip_suffix(", UTC").unwrap_or(head)) {
        ("builds_by_actor", "builds") => Counts(&["builds"]),
        ("builds_by_actor", "succeeded") => Counts(&["builds_succeeded"]),
        ("builds_by_actor", "other") => Counts(&["builds_other"]),
        ("builds_by_actor", "provisional") => Counts(&["builds_provisional"]),
        ("cost_by_actor", "builds") => Builds,
        ("cost_by_build", "Actor") => Text("act_name"),
        ("usage_explained", "what") => Word("item"),
        ("usage_explained", "" | "note") => Text("note"),
        ("budgets", "status") => Word("standing"),
        ("cost_by_day", number) if number.len() == 1 => Layer(number.parse().unwrap()),
        (_, "unsuccessful") if is_text => UsageOfPart,
        (_, "unsuccessful") => Counts(&["runs_failed", "runs_timed_out", "runs_aborted"]),
        (_, "runs") => Counts(&["runs"]),
        (_, "succeeded") => Counts(&["runs_succeeded"]),
        (_, "failed") => Counts(&["runs_failed"]),
        (_, "timed out") => Counts(&["runs_timed_out"]),
        (_, "aborted") => Counts(&["runs_aborted"]),
        ("change_by_actor", "other") => Usd("other_usd"),
        (_, "other") => Counts(&["runs_other"]),
        (_, "cost unknown") => Counts(unknown),
        (_, "previous cost unknown") => Counts(&["runs_cost_unknown_before"]),
        (_, "previous runs") => Counts(&["runs_before"]),
        (_, "provisional") => Counts(&["runs_provisional"]),
        (_, "usage" | "usage, $") => Usd(usage),
        (_, "previous usage" | "previous usage, $") => Usd("usage_before_usd"),
        (_, "change, $") => Usd("change_usd"),
        (_, "provisional, $") => Usd("usage_provisional_usd"),
        (_, "volume" | "volume, $") => Usd("volume_usd"),
        (_, "cost per run" | "cost per run, $") => Usd("cost_per_run_usd"),
        (_, "event prices" | "event prices, $") => Usd("event_price_usd"),
        (_, "events per run" | "events per run, $") => Usd("event_quantity_usd"),
        (_, "other, $") => Usd("other_usd"),
        (_, "usage of events" | "usage of events, $") => Usd("events_usd"),
        (_, "left out") => Counts(&["runs_left_out"]),
        (_, "events") => Counts(&["events"]),
        (_, "compute units") => Quantity("compute_units"),
        (_, "hours") => Quantity("run_hours"),
        (_, "per compute unit" | "per compute unit, $") => Mean("usd_per_compute_unit"),
        (_, "per hour" | "per hour, $") => Mean("usd_per_hour"),
        (_, "per 1,000 events" | "per 1,000 events, $") => Mean("usd_per_1000_events"),
        (_, "event") => Text("event"),
        (_, "budget" | "budget, $") => Usd("budget_usd"),
        (_, "after discount" | "after discount, $") => Usd("usage_after_discount_usd"),
        (_, "usage of failed" | "usage of failed, $") => Usd("usage_failed_usd"),
        (_, "usage of timed out" | "usage of timed out, $") => Usd("usage_timed_out_usd"),
        (_, "usage of aborted" | "usage of aborted, $") => Usd("usage_aborted_usd"),
        (_, "usage of unsuccessful" | "usage of unsuccessful, $") => Usd("usage_unsuccessful_usd"),
        (_, "share") => Share("share"),
        (_, "share of its usage") => Share("share_of_actor_usage"),
        (_, "share of budget") => Share("share_of_budget"),
        (_, "relative change") => Change("change_share"),
        (_, "mean" | "mean, $" | "mean per run") => Mean("mean_usd"),
        (_, "projected" | "projected, $") => Mean("projected_usd"),
        (_, "quantity") => Quantity("quantity"),
        (_, "change") => Word("change"),
        (_, "Actor" | "actor" | "Actor, task") => Name("act_name", "act_id"),
        (_, "task") => Name("actor_task_name", "actor_task_id"),
        (_, "account") => Name("account_name", "account_id"),
        (_, "schedule") => Name("meta_schedule_name", "meta_schedule_id"),
        (_, "build") if table == "builds" => Text("id"),
        (_, "build") => Name("build_number", "build_id"),
        (_, "service") => Name("service_name", "service"),
        (_, "key") => Text("service"),
        (_, "run") => Text("id"),
        (_, "Group") => Text("group"),
        (_, "user") => Text("user_id"),
        (_, "origin") => Text("meta_origin"),
        (_, "cost state") => Text("cost_state"),
        (_, "day") => Day("day"),
        (_, "previous day") => Day("day_before"),
        (_, "week" | "week (from Monday)") => Day("week"),
        (_, "month") => Text("month"),
        (_, "started") => Instant("started_at"),
        (_, "finished") => Instant("finished_at"),
        (_, head) => {
            let own = [
                "account_id",
                "act_id",
                "actor_task_id",
                "meta_schedule_id",
                "build_id",
                "user_id",
                "group",
                "status",
                "meta_origin",
                "scope",
                "name",
            ];
            let own = own.into_iter().find(|name| *name == head);
            Text(own.unwrap_or_else(|| panic!("no counterpart in report.json: column {head:?} of {table}")))
        }
    }
}

/// Words that people read for values of files.
pub const WORDS: [(&str, &str); 16] = [
    ("within", "within budget"),
    ("within, as far as known", "within budget (some costs unknown)"),
    ("heading over", "on course to exceed the budget"),
    ("OVER", "OVER BUDGET"),
    ("not judged", "unknown"),
    ("new", "new"),
    ("gone", "gone"),
    ("up", "up"),
    ("down", "down"),
    ("same", "same"),
    ("counted", "Apify counts, before volume discount"),
    ("runs", "runs with a known cost, by their start"),
    ("builds", "builds with a known cost"),
    ("storage", "storage over time"),
    ("not_attributed", "not attributed to a run or build"),
    ("volume_discount", "Volume discount"),
];
