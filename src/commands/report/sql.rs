//! The reports as SQL for the user's own engine: the files of `reports/`, which every package has in the binary.

use crate::error::{Error, Result};
use crate::text::nearest::did_you_mean;

/// Prints the names instead of a report.
const LIST: &str = "list";

const REPORTS: [(&str, &str); 15] = [
    ("cost_by_actor", include_str!("../../../reports/cost_by_actor.sql")),
    (
        "cost_by_actor_and_status",
        include_str!("../../../reports/cost_by_actor_and_status.sql"),
    ),
    ("cost_by_build", include_str!("../../../reports/cost_by_build.sql")),
    ("cost_by_day", include_str!("../../../reports/cost_by_day.sql")),
    ("cost_by_group", include_str!("../../../reports/cost_by_group.sql")),
    ("cost_by_month", include_str!("../../../reports/cost_by_month.sql")),
    ("cost_by_origin", include_str!("../../../reports/cost_by_origin.sql")),
    (
        "cost_by_schedule",
        include_str!("../../../reports/cost_by_schedule.sql"),
    ),
    ("cost_by_task", include_str!("../../../reports/cost_by_task.sql")),
    ("cost_by_user", include_str!("../../../reports/cost_by_user.sql")),
    ("cost_by_week", include_str!("../../../reports/cost_by_week.sql")),
    ("dearest_runs", include_str!("../../../reports/dearest_runs.sql")),
    ("status_summary", include_str!("../../../reports/status_summary.sql")),
    (
        "unsettled_by_actor",
        include_str!("../../../reports/unsettled_by_actor.sql"),
    ),
    (
        "unsuccessful_by_actor",
        include_str!("../../../reports/unsuccessful_by_actor.sql"),
    ),
];

/// What can be asked for.
pub fn names() -> Vec<&'static str> {
    let names = REPORTS.iter().map(|(name, _)| *name);
    names.chain([LIST]).collect()
}

/// The SQL of a report, or the names of all; exit 2 where there is no such report.
pub fn text(name: &str) -> Result<String> {
    if name == LIST {
        return Ok(REPORTS.iter().map(|(name, _)| format!("{name}\n")).collect());
    }
    let found = REPORTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, sql)| (*sql).to_string()).ok_or_else(|| {
        let names: Vec<&str> = REPORTS.iter().map(|(name, _)| *name).collect();
        Error::Usage(format!(
            "--sql: unknown report {name:?}{}; expected one of {}",
            did_you_mean(name, names.iter().copied()),
            names.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_reports_is_in_the_binary() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/reports")).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = names
            .filter_map(|name| Some(name.strip_suffix(".sql")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(files, REPORTS.map(|(name, _)| name));
    }
}
