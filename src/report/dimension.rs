//! What runs can be broken down by: names, titles and order of the reports. How they are folded is `summary`'s.

use crate::report::groups::Groups;
use crate::runs::column_set::ColumnSet;

/// What runs are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The Actor that ran.
    Actor,
    /// How the run stands or ended.
    Status,
    /// The day it started, in the report's time zone.
    Day,
    /// The week it started, from Monday on, likewise.
    Week,
    /// The task that it was a run of.
    Task,
    /// The schedule that started it.
    Schedule,
    /// What kind of caller started it.
    Origin,
    /// The build that ran.
    Build,
    /// Who started it.
    User,
    /// The cost centre, by the user's rules.
    Group,
}

/// A dimension as reports name it.
struct Words {
    /// On the command line, and in names of reports.
    word: &'static str,
    /// The name of its report.
    report: &'static str,
    /// The column of its values.
    key: &'static str,
    /// Columns of what its values are called.
    labels: &'static [&'static str],
    /// What runs without a value are called.
    absent: &'static str,
    /// The column of an export without which there is no such report.
    needs: &'static str,
    /// The question that its report answers.
    title: &'static str,
}

const fn words(
    word: &'static str,
    report: &'static str,
    [key, needs]: [&'static str; 2],
    labels: &'static [&'static str],
    absent: &'static str,
    title: &'static str,
) -> Words {
    Words {
        word,
        report,
        key,
        labels,
        absent,
        needs,
        title,
    }
}

#[rustfmt::skip]
static WORDS: [Words; 10] = [
    words("actor", "cost_by_actor", ["act_id"; 2], &["act_name"], "", "Which Actors cost how much?"),
    words("status", "status_summary", ["status"; 2], &[], "", "How did runs end, and what did that cost?"),
    words("day", "cost_by_day", ["day", "started_at"], &[], "", "How much was used by runs of each day?"),
    words("week", "cost_by_week", ["week", "started_at"], &[], "", "How much was used by runs of each week?"),
    words("task", "cost_by_task", ["actor_task_id"; 2], &["actor_task_name"], "no task", "Which tasks cost how much?"),
    words("schedule", "cost_by_schedule", ["meta_schedule_id"; 2], &[], "no schedule", "What did each schedule's runs cost?"),
    words("origin", "cost_by_origin", ["meta_origin"; 2], &[], "not told", "What started runs, and what did they cost?"),
    words("build", "cost_by_build", ["build_id"; 2], &["build_number", "act_name"], "not told", "Which builds cost how much?"),
    words("user", "cost_by_user", ["user_id"; 2], &[], "not told", "Who started runs, and what did they cost?"),
    words("group", "cost_by_group", ["group", "id"], &[], "", "How much was used by each group?"),
];

impl Dimension {
    /// All of them, in the order in which reports show them.
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

    /// As the command line names it.
    pub fn word(self) -> &'static str {
        self.words().word
    }

    /// The name of the report by this dimension alone.
    pub fn report(self) -> &'static str {
        self.words().report
    }

    /// The column that holds the dimension's values.
    pub fn key(self) -> &'static str {
        self.words().key
    }

    /// The columns that hold what its values are called, as far as that is known.
    pub fn labels(self) -> &'static [&'static str] {
        self.words().labels
    }

    /// What runs without a value are called; empty where every run has one.
    pub fn absent(self) -> &'static str {
        self.words().absent
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
    /// The first.
    pub first: Dimension,
    /// The second.
    pub second: Option<Dimension>,
}

impl From<Dimension> for By {
    fn from(first: Dimension) -> By {
        By { first, second: None }
    }
}

impl By {
    /// What the command line says: a dimension, or two with a comma.
    pub fn parse(text: &str) -> Result<By, String> {
        let known = || Dimension::ALL.map(Dimension::word).join(", ");
        let dimension = |word: &str| {
            let found = Dimension::ALL
                .into_iter()
                .find(|dimension| dimension.word() == word.trim());
            found.ok_or_else(|| format!("there is no dimension {word:?}; there are {}", known()))
        };
        let by = match text.split_once(',') {
            None => By::from(dimension(text)?),
            Some((_, second)) if second.contains(',') => {
                return Err("more than two dimensions: give one, or two with a comma, as in actor,status".into());
            }
            Some((first, second)) => By {
                first: dimension(first)?,
                second: Some(dimension(second)?),
            },
        };
        if by.second == Some(by.first) {
            return Err(format!(
                "{text} is the same dimension twice: give another, or one alone"
            ));
        }
        Ok(by)
    }

    /// Its dimensions.
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

    /// The question that the report answers.
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

/// What runs are broken down by.
#[derive(Debug, Clone)]
pub struct Dimensions {
    /// The reports.
    pub by: Vec<By>,
    /// The user's rules.
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
    pub fn of(columns: &ColumnSet, groups: Option<Groups>) -> Dimensions {
        let by = Dimension::ALL.into_iter().filter(|dimension| match dimension {
            Dimension::Group => groups.is_some(),
            dimension => columns.position(dimension.words().needs).is_some(),
        });
        Dimensions {
            by: by.map(By::from).collect(),
            groups,
        }
    }

    /// The same and one more; an error where rows don't tell it.
    pub fn and(&mut self, by: By) -> Result<(), String> {
        for dimension in by.dimensions() {
            if !self.by.contains(&By::from(dimension)) {
                return Err(match dimension {
                    Dimension::Group => "by group needs rules: give --groups FILE, or an export made with it".into(),
                    dimension => format!(
                        "by {} needs the column {}, which this export leaves out",
                        dimension.word(),
                        dimension.words().needs
                    ),
                });
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
            assert_eq!(By::parse(word), Ok(By::from(dimension)));
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
        let columns = ColumnSet::from_args(&[], &["user_id".into()], false).unwrap();
        let mut dimensions = Dimensions::of(&columns, None);
        assert_eq!(dimensions.by.len(), 8);
        assert!(
            dimensions
                .and(By::parse("actor,user").unwrap())
                .unwrap_err()
                .contains("user_id")
        );
        assert!(
            dimensions
                .and(By::parse("group").unwrap())
                .unwrap_err()
                .contains("--groups")
        );
        dimensions.and(By::parse("actor,day").unwrap()).unwrap();
        assert_eq!(dimensions.by.len(), 9);
    }
}
