//! What runs can be broken down by: names, titles and order of the reports. How they are folded is `summary`'s.

use super::groups::Groups;
use crate::runs::chosen::Chosen;

/// What runs are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The Actor that ran.
    Actor,
    /// How the run stands or ended.
    Status,
    /// The day it started, in the period's time zone.
    Day,
    /// Who started it.
    User,
    /// The cost centre, by the user's rules.
    Group,
}

impl Dimension {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Dimension; 5] = [
        Dimension::Actor,
        Dimension::Status,
        Dimension::Day,
        Dimension::User,
        Dimension::Group,
    ];

    /// The report's name: its files' and its key's in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Actor => "cost_by_actor",
            Dimension::Status => "status_summary",
            Dimension::Day => "cost_by_day",
            Dimension::User => "cost_by_user",
            Dimension::Group => "cost_by_group",
        }
    }

    /// The column that holds the dimension's values.
    pub fn key(self) -> &'static str {
        match self {
            Dimension::Actor => "act_id",
            Dimension::Status => "status",
            Dimension::Day => "day",
            Dimension::User => "user_id",
            Dimension::Group => "group",
        }
    }

    /// The question that the report answers.
    pub fn title(self) -> &'static str {
        match self {
            Dimension::Actor => "Which Actors cost how much?",
            Dimension::Status => "How did runs end, and what did that cost?",
            Dimension::Day => "How much was used by runs of each day?",
            Dimension::User => "Who started runs, and what did they cost?",
            Dimension::Group => "How much was used by each group?",
        }
    }

    /// The column that holds the names of the dimension's values, if they have any.
    pub fn name_key(self) -> Option<&'static str> {
        (self == Dimension::Actor).then_some("act_name")
    }

    /// Whether its values are people's own words, not the API's.
    pub fn is_named_by_people(self) -> bool {
        self == Dimension::Group
    }

    /// Whether rows stand in order of their key; else the dearest come first.
    pub(super) fn by_key(self) -> bool {
        self == Dimension::Day
    }
}

/// What runs are broken down by beside what every export has.
#[derive(Debug, Clone, Default)]
pub struct Dimensions {
    /// Whether rows tell who started them.
    pub users: bool,
    /// Whether they tell names.
    pub names: bool,
    /// The user's rules.
    pub groups: Option<Groups>,
}

impl Dimensions {
    /// Those that rows of these columns have.
    pub fn of(columns: &Chosen, groups: Option<Groups>) -> Dimensions {
        Dimensions {
            users: columns.position("user_id").is_some(),
            names: columns.position("act_name").is_some(),
            groups,
        }
    }
}
