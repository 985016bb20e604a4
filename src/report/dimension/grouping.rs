//! Groupings of runs: by one dimension or two together, as reports are asked for.

use anyhow::{anyhow, bail};

use super::Dimension;
use crate::report::groups::Groups;
use crate::runs::column_set::ColumnSet;
use crate::runs::row_detail::have_details;
use crate::text::nearest::did_you_mean;

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
        let known = Dimension::ALL.map(Dimension::word);
        let dimension = |word: &str| {
            let mut all = Dimension::ALL.into_iter();
            let found = all.find(|dimension| dimension.word() == word.trim());
            found.ok_or_else(|| {
                let near = did_you_mean(word, known);
                anyhow!("unknown dimension {word:?}{near}; expected {}", known.join(", "))
            })
        };
        let by = match text.split_once(',') {
            None => By::from(dimension(text)?),
            Some((_, second)) if second.contains(',') => {
                bail!("expected one dimension, or two with a comma, such as actor,status");
            }
            Some((first, second)) => By {
                first: dimension(first)?,
                second: Some(dimension(second)?),
            },
        };
        if by.second == Some(by.first) {
            bail!("{text} has the same dimension twice");
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

    /// Of the report's name, where it is one by two dimensions.
    pub fn of_report(name: &str) -> Option<By> {
        let words = name.strip_prefix("cost_by_")?.split_once("_and_")?;
        By::parse(&format!("{},{}", words.0, words.1)).ok()
    }

    pub fn title(self) -> String {
        let noun = |dimension: Dimension| match dimension {
            Dimension::Actor => "Actor",
            other => other.word(),
        };
        match self.second {
            None => self.first.words().title.into(),
            Some(second) => format!("Cost by {} and {}", noun(self.first), noun(second)),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Dimensions {
    pub by: Vec<By>,
    pub groups: Option<Groups>,
    /// Whether Actors have unit costs too, which only details tell.
    pub has_unit_costs: bool,
}

impl Default for Dimensions {
    /// What every export has.
    fn default() -> Dimensions {
        let all = [
            Dimension::Actor,
            Dimension::Status,
            Dimension::Day,
            Dimension::Week,
            Dimension::Month,
        ];
        Dimensions {
            by: all.map(By::from).into(),
            groups: None,
            has_unit_costs: false,
        }
    }
}

impl Dimensions {
    /// What every export has, unit costs where these columns tell them, and groups where there are rules.
    pub fn usual(columns: &ColumnSet, groups: Option<Groups>) -> Dimensions {
        let usual = Dimensions::default();
        let group = groups.is_some().then(|| Dimension::Group.into());
        Dimensions {
            by: group.into_iter().chain(usual.by).collect(),
            groups,
            has_unit_costs: have_details(columns),
        }
    }

    /// Every single dimension that rows of these columns have.
    pub fn of(columns: &ColumnSet, groups: Option<Groups>) -> Dimensions {
        let by = Dimension::ALL.into_iter().filter(|dimension| match dimension {
            Dimension::Group | Dimension::Account => false,
            dimension => columns.position(dimension.needed_column()).is_some(),
        });
        // Who gives rules asks by group first.
        let group = groups.is_some().then_some(Dimension::Group);
        Dimensions {
            by: group.into_iter().chain(by).map(By::from).collect(),
            groups,
            has_unit_costs: have_details(columns),
        }
    }

    /// The same and one more; an error where rows don't tell it.
    pub fn and(&mut self, by: By) -> anyhow::Result<()> {
        // Whose an archive's runs are is known without a column.
        for dimension in by.dimensions().filter(|dimension| *dimension != Dimension::Account) {
            if !self.by.contains(&By::from(dimension)) {
                if dimension == Dimension::Group {
                    bail!(
                        "the report by group needs rules: give --groups FILE, or an export that was made with --groups"
                    );
                }
                let (word, column) = (dimension.word(), dimension.needed_column());
                bail!("the report by {word} needs the column {column}, which this export lacks");
            }
        }
        if !self.by.contains(&by) {
            self.by.push(by);
        }
        Ok(())
    }
}
