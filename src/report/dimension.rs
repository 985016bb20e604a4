//! What runs can be broken down by: names, titles and order of the reports. How they are folded is `summary`'s.

use anyhow::{anyhow, bail};

use crate::report::groups::Groups;
use crate::runs::column_set::Chosen;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    Actor,
    Status,
    /// The day it started, in the report's time zone.
    Day,
    /// The week it started, from Monday on, likewise.
    Week,
    Task,
    Schedule,
    Origin,
    Build,
    User,
    Group,
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
static WORDS: [Words; 10] = [
    Words { word: "actor", report: "cost_by_actor", key: "act_id", labels: &["act_name"], title: "Which Actors cost how much?" },
    Words { word: "status", report: "status_summary", key: "status", labels: &[], title: "How did runs end, and what did that cost?" },
    Words { word: "day", report: "cost_by_day", key: "day", labels: &[], title: "How much was used by runs of each day?" },
    Words { word: "week", report: "cost_by_week", key: "week", labels: &[], title: "How much was used by runs of each week?" },
    Words { word: "task", report: "cost_by_task", key: "actor_task_id", labels: &["actor_task_name"], title: "Which tasks cost how much?" },
    Words { word: "schedule", report: "cost_by_schedule", key: "meta_schedule_id", labels: &[], title: "What did each schedule's runs cost?" },
    Words { word: "origin", report: "cost_by_origin", key: "meta_origin", labels: &[], title: "What started runs, and what did they cost?" },
    Words { word: "build", report: "cost_by_build", key: "build_id", labels: &["build_number", "act_name"], title: "Which builds cost how much?" },
    Words { word: "user", report: "cost_by_user", key: "user_id", labels: &[], title: "Who started runs, and what did they cost?" },
    Words { word: "group", report: "cost_by_group", key: "group", labels: &[], title: "How much was used by each group?" },
];

impl Dimension {
    pub const ALL: [Dimension; 10] = [
        Dimension::Actor,
        Dimension::Status,
        Dimension::Day,
        Dimension::Week,
        Dimension::Task,
        Dimension::Schedule,
        Dimension::Origin,
        Dimension::Build,
        Dimension::User,
        Dimension::Group,
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
            Dimension::Origin | Dimension::Build | Dimension::User => "not told",
            _ => "",
        }
    }

    /// The column of an export without which there is no such report.
    fn needed_column(self) -> &'static str {
        match self {
            Dimension::Day | Dimension::Week => "started_at",
            Dimension::Group => "id",
            other => other.key(),
        }
    }

    /// Whether its values are people's own words, not the API's.
    pub fn is_named_by_people(self) -> bool {
        self == Dimension::Group
    }

    /// Whether its values are dates, whose rows stand in their order; else the dearest come first.
    pub fn is_time(self) -> bool {
        matches!(self, Dimension::Day | Dimension::Week)
    }
}

/// By what a report breaks runs down: one dimension, or two together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By {
    pub first: Dimension,
    pub second: Option<Dimension>,
}

impl From<Dimension> for By {
    fn from(first: Dimension) -> By {
        By { first, second: None }
    }
}

impl By {
    /// What the command line says: a dimension, or two with a comma.
    pub fn parse(text: &str) -> anyhow::Result<By> {
        let known = || Dimension::ALL.map(Dimension::word).join(", ");
        let dimension = |word: &str| {
            let mut all = Dimension::ALL.into_iter();
            let found = all.find(|dimension| dimension.word() == word.trim());
            found.ok_or_else(|| anyhow!("there is no dimension {word:?}; there are {}", known()))
        };
        let by = match text.split_once(',') {
            None => By::from(dimension(text)?),
            Some((_, second)) if second.contains(',') => {
                bail!("more than two dimensions: give one, or two with a comma, as in actor,status");
            }
            Some((first, second)) => By {
                first: dimension(first)?,
                second: Some(dimension(second)?),
            },
        };
        if by.second == Some(by.first) {
            bail!("{text} is the same dimension twice: give another, or one alone");
        }
        Ok(by)
    }

    pub fn dimensions(self) -> impl Iterator<Item = Dimension> {
        std::iter::once(self.first).chain(self.second)
    }

    /// The report's name: its files' and its key's in JSON.
    pub fn name(self) -> String {
        match self.second {
            None => self.first.report().into(),
            Some(second) => format!("cost_by_{}_and_{}", self.first.word(), second.word()),
        }
    }

    pub fn title(self) -> String {
        let noun = |dimension: Dimension| match dimension {
            Dimension::Actor => "Actor",
            other => other.word(),
        };
        match self.second {
            None => self.first.words().title.into(),
            Some(second) => format!("What did each {} cost, by {}?", noun(self.first), noun(second)),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Dimensions {
    pub by: Vec<By>,
    pub groups: Option<Groups>,
}

impl Default for Dimensions {
    /// What every export has.
    fn default() -> Dimensions {
        let all = [Dimension::Actor, Dimension::Status, Dimension::Day, Dimension::Week];
        Dimensions {
            by: all.map(By::from).into(),
            groups: None,
        }
    }
}

impl Dimensions {
    /// Every single dimension that rows of these columns have.
    pub fn of(columns: &Chosen, groups: Option<Groups>) -> Dimensions {
        let by = Dimension::ALL.into_iter().filter(|dimension| match dimension {
            Dimension::Group => groups.is_some(),
            dimension => columns.position(dimension.needed_column()).is_some(),
        });
        Dimensions {
            by: by.map(By::from).collect(),
            groups,
        }
    }

    /// The same and one more; an error where rows don't tell it.
    pub fn and(&mut self, by: By) -> anyhow::Result<()> {
        for dimension in by.dimensions() {
            if !self.by.contains(&By::from(dimension)) {
                if dimension == Dimension::Group {
                    bail!("by group needs rules: give --groups FILE, or an export made with it");
                }
                let (word, column) = (dimension.word(), dimension.needed_column());
                bail!("by {word} needs the column {column}, which this export leaves out");
            }
        }
        if !self.by.contains(&by) {
            self.by.push(by);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_the_dimensions() {
        for (dimension, word) in Dimension::ALL.into_iter().zip([
            "actor", "status", "day", "week", "task", "schedule", "origin", "build", "user", "group",
        ]) {
            assert_eq!(dimension.word(), word);
            assert_eq!(By::parse(word).unwrap(), By::from(dimension));
        }
    }

    #[test]
    fn two_dimensions_make_a_report_of_their_own() {
        let by = By::parse("actor,status").unwrap();
        assert_eq!(by.name(), "cost_by_actor_and_status");
        assert_eq!(by.title(), "What did each Actor cost, by status?");
        for wrong in ["actor,actor", "actor,status,day", "colour", "actor,", ""] {
            assert!(By::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_rows_do_not_tell_cannot_be_asked_for() {
        let columns = Chosen::asked(&[], &["user_id".into()], false).unwrap();
        let mut dimensions = Dimensions::of(&columns, None);
        assert_eq!(dimensions.by.len(), 8);
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
        assert_eq!(dimensions.by.len(), 9);
    }
}
