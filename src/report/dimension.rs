//! What runs can be broken down by: names, titles and order of the reports. How they are folded is `summary`'s.

mod grouping;

pub use grouping::{By, Dimensions};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    Actor,
    Status,
    /// The day it started, in the report's time zone.
    Day,
    /// The week it started, from Monday on, likewise.
    Week,
    /// The month it started, likewise.
    Month,
    Task,
    Schedule,
    Origin,
    Build,
    User,
    Group,
    /// Whose runs they are, where a report is of several accounts.
    Account,
}

struct Words {
    word: &'static str,
    report: &'static str,
    key: &'static str,
    /// The columns of what its values are called.
    labels: &'static [&'static str],
    title: &'static str,
}

#[rustfmt::skip]
static WORDS: [Words; 12] = [
    Words { word: "actor", report: "cost_by_actor", key: "act_id", labels: &["act_name"], title: "Cost by Actor" },
    Words { word: "status", report: "status_summary", key: "status", labels: &[], title: "Runs and cost by status" },
    Words { word: "day", report: "cost_by_day", key: "day", labels: &[], title: "Cost by day" },
    Words { word: "week", report: "cost_by_week", key: "week", labels: &[], title: "Cost by week" },
    Words { word: "month", report: "cost_by_month", key: "month", labels: &[], title: "Cost by month" },
    Words { word: "task", report: "cost_by_task", key: "actor_task_id", labels: &["actor_task_name"], title: "Cost by task" },
    Words { word: "schedule", report: "cost_by_schedule", key: "meta_schedule_id", labels: &["meta_schedule_name"], title: "Cost by schedule" },
    Words { word: "origin", report: "cost_by_origin", key: "meta_origin", labels: &[], title: "Cost by origin (what started the run)" },
    Words { word: "build", report: "cost_by_build", key: "build_id", labels: &["build_number", "act_name"], title: "Cost by build" },
    Words { word: "user", report: "cost_by_user", key: "user_id", labels: &[], title: "Cost by user (who started the run)" },
    Words { word: "group", report: "cost_by_group", key: "group", labels: &[], title: "Cost by group" },
    Words { word: "account", report: "cost_by_account", key: "account_id", labels: &["account_name"], title: "Cost by account" },
];

impl Dimension {
    pub const ALL: [Dimension; 12] = [
        Dimension::Actor,
        Dimension::Status,
        Dimension::Day,
        Dimension::Week,
        Dimension::Month,
        Dimension::Task,
        Dimension::Schedule,
        Dimension::Origin,
        Dimension::Build,
        Dimension::User,
        Dimension::Group,
        Dimension::Account,
    ];

    fn words(self) -> &'static Words {
        &WORDS[self as usize]
    }

    pub fn word(self) -> &'static str {
        self.words().word
    }

    pub fn report(self) -> &'static str {
        self.words().report
    }

    pub fn key(self) -> &'static str {
        self.words().key
    }

    pub fn labels(self) -> &'static [&'static str] {
        self.words().labels
    }

    /// What runs without a value are called; empty where every run has one.
    pub fn absent(self) -> &'static str {
        match self {
            Dimension::Task => "no task",
            Dimension::Schedule => "no schedule",
            Dimension::Origin | Dimension::Build | Dimension::User => "unknown",
            _ => "",
        }
    }

    /// The column of an export without which there is no such report.
    fn needed_column(self) -> &'static str {
        match self {
            Dimension::Day | Dimension::Week | Dimension::Month => "started_at",
            Dimension::Group | Dimension::Account => "id",
            other => other.key(),
        }
    }

    /// Whether its values are people's own words, not the API's.
    pub fn is_named_by_people(self) -> bool {
        self == Dimension::Group
    }

    /// Whether its values are dates, whose rows stand in their order; else the dearest come first.
    pub fn is_time(self) -> bool {
        matches!(self, Dimension::Day | Dimension::Week | Dimension::Month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::column_set::ColumnSet;

    #[test]
    fn words_stand_in_the_order_of_the_dimensions() {
        for (dimension, word) in Dimension::ALL.into_iter().zip([
            "actor", "status", "day", "week", "month", "task", "schedule", "origin", "build", "user", "group",
            "account",
        ]) {
            assert_eq!(dimension.word(), word);
            assert_eq!(By::parse(word).unwrap(), By::from(dimension));
        }
    }

    #[test]
    fn two_dimensions_make_a_report_of_their_own() {
        let by = By::parse("actor,status").unwrap();
        assert_eq!(by.name(), "cost_by_actor_and_status");
        assert_eq!(by.title(), "Cost by Actor and status");
        for wrong in ["actor,actor", "actor,status,day", "colour", "actor,", ""] {
            assert!(By::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_rows_do_not_tell_cannot_be_asked_for() {
        let columns = ColumnSet::from_args(&[], &["user_id".into()], false).unwrap();
        let mut dimensions = Dimensions::of(&columns, None);
        assert_eq!(dimensions.by.len(), 9);
        assert!(
            dimensions
                .and(By::parse("actor,user").unwrap())
                .unwrap_err()
                .to_string()
                .contains("user_id")
        );
        assert!(
            dimensions
                .and(By::parse("group").unwrap())
                .unwrap_err()
                .to_string()
                .contains("--groups")
        );
        dimensions.and(By::parse("actor,day").unwrap()).unwrap();
        assert_eq!(dimensions.by.len(), 10);
    }
}
