//! Which columns an export has. Pure: names to positions in the one table of columns, and which of them can't be left out.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};

use crate::error::{Error, ReadError, Result};
use crate::runs::schema::{COLUMNS, Column, DETAIL, PERSONAL, col};
use crate::text::nearest::did_you_mean;

/// What reports and `verify` are made from, and so is never left out.
pub const NEEDED: [&str; 6] = ["id", "act_id", "status", "started_at", "usage_total_usd", "cost_state"];

/// Columns of an export: positions in [`COLUMNS`], ascending, with all of [`NEEDED`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSet(Vec<usize>);

impl ColumnSet {
    /// Every column, those of details only with them.
    pub fn all(details: bool) -> ColumnSet {
        ColumnSet(
            (0..COLUMNS.len())
                .filter(|at| details || !DETAIL.contains(at))
                .collect(),
        )
    }

    /// The columns that tell a cost and whether it has settled: [`NEEDED`] and when a run finished.
    pub fn priced() -> ColumnSet {
        ColumnSet::all(true).intersect(&[COLUMNS[col::FINISHED_AT].name])
    }

    /// Those that options ask for: `only` these (all if empty) but not `except`; exit 2 for a name that is none of them, and
    /// where one is left out that can't be.
    pub fn from_args(only: &[String], except: &[String], details: bool) -> Result<ColumnSet> {
        let all = ColumnSet::all(details);
        if let Some(name) = only.iter().chain(except).find(|name| all.position(name).is_none()) {
            let is_of_details = ColumnSet::all(true).position(name).is_some();
            return Err(Error::Usage(if is_of_details {
                format!("the column {name} comes from the details of runs: it needs --details all")
            } else {
                let (known, near) = (all.names(), did_you_mean(name, all.names()));
                format!("unknown column {name:?}{near}; expected some of {}", known.join(", "))
            }));
        }
        let wanted = |name: &str| {
            let listed = |list: &[String]| list.iter().any(|listed| listed == name);
            (only.is_empty() || listed(only)) && !listed(except)
        };
        let missing: Vec<_> = NEEDED.into_iter().filter(|name| !wanted(name)).collect();
        if !missing.is_empty() {
            return Err(Error::Usage(format!(
                "{} cannot be excluded: reports and verify need {}",
                missing.join(", "),
                NEEDED.join(", ")
            )));
        }
        Ok(all.filter(wanted))
    }

    /// Those that a file has, by the names in its header: all of an export, in its order, or it is no file of an export.
    pub fn from_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<ColumnSet, ReadError> {
        let position = |name| COLUMNS.iter().position(|column| column.name == name);
        let positions: Option<Vec<usize>> = names.into_iter().map(position).collect();
        positions
            .filter(|positions| positions.is_sorted_by(|a, b| a < b))
            .map(ColumnSet)
            .filter(|columns| NEEDED.iter().all(|needed| columns.position(needed).is_some()))
            .ok_or_else(|| ReadError::new("its columns are not the columns of an export"))
    }

    /// Those that a Parquet file has, names and types.
    pub fn from_schema(schema: &Schema) -> Result<ColumnSet, ReadError> {
        let columns = ColumnSet::from_names(schema.fields().iter().map(|field| field.name().as_str()))?;
        let types = |schema: &Schema| -> Vec<DataType> {
            let fields = schema.fields().iter();
            fields.map(|field| field.data_type().clone()).collect()
        };
        if types(schema) == types(&columns.schema()) {
            Ok(columns)
        } else {
            Err(ReadError::new("its columns do not have the types of an export"))
        }
    }

    /// Those of them that are among these names, and what is never left out.
    pub fn intersect(&self, names: &[&str]) -> ColumnSet {
        self.filter(|name| names.contains(&name) || NEEDED.contains(&name))
    }

    fn filter(&self, wanted: impl Fn(&str) -> bool) -> ColumnSet {
        let positions = self.0.iter().copied();
        ColumnSet(positions.filter(|at| wanted(COLUMNS[*at].name)).collect())
    }

    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + Clone + '_ {
        self.0.iter().map(|at| &COLUMNS[*at])
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.columns().map(|column| column.name).collect()
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns().position(|column| column.name == name)
    }

    /// Whether any of them holds personal data.
    pub fn has_personal(&self) -> bool {
        PERSONAL.iter().any(|name| self.position(name).is_some())
    }

    /// Where they stand among other ones; those that are not there are passed over.
    pub fn positions_in(&self, other: &ColumnSet) -> Vec<usize> {
        self.0.iter().filter_map(|at| other.0.binary_search(at).ok()).collect()
    }

    /// Rows of other columns with these alone.
    ///
    /// # Panics
    /// Where the others lack one of them.
    pub fn project(&self, rows: &RecordBatch, columns: &ColumnSet) -> RecordBatch {
        rows.project(&self.positions_in(columns))
            .expect("positions lie within the rows")
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().map(Column::field).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(only: &[&str], except: &[&str]) -> std::result::Result<Vec<&'static str>, String> {
        let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        ColumnSet::from_args(&list(only), &list(except), false)
            .map(|columns| columns.names())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn all_is_all_but_details_unless_they_are_asked() {
        assert_eq!((ColumnSet::all(false).0.len(), ColumnSet::all(true).0.len()), (24, 43));
        assert_eq!(ColumnSet::all(false).names().last(), Some(&"meta_schedule_name"));
    }

    #[test]
    fn columns_keep_their_order_whatever_order_they_are_asked_in() {
        let names = asked(
            &[
                "cost_state",
                "status",
                "usage_total_usd",
                "meta_origin",
                "started_at",
                "act_id",
                "id",
            ],
            &[],
        );
        let expected = [
            "id",
            "act_id",
            "status",
            "started_at",
            "meta_origin",
            "usage_total_usd",
            "cost_state",
        ];
        assert_eq!(names.unwrap(), expected);
        let left = asked(&[], &["meta_client_ip", "meta_user_agent"]).unwrap();
        assert_eq!(left.len(), 22);
        assert!(!left.contains(&"meta_client_ip"));
    }

    #[test]
    fn what_is_needed_or_unknown_is_named() {
        let error = asked(&["id", "usage_total_usd"], &[]).unwrap_err();
        assert!(
            error.starts_with("act_id, status, started_at, cost_state cannot"),
            "{error}"
        );
        assert!(asked(&[], &["id"]).unwrap_err().starts_with("id cannot"));
        let error = asked(&["cost"], &[]).unwrap_err();
        assert!(
            error.contains("\"cost\"") && error.contains("usage_total_usd, "),
            "{error}"
        );
        assert!(asked(&["compute_units"], &[]).unwrap_err().contains("--details all"));
    }

    #[test]
    fn files_of_other_columns_are_none_of_an_export() {
        assert!(ColumnSet::from_names(ColumnSet::all(true).names()).is_ok());
        assert!(ColumnSet::from_names(NEEDED).is_ok());
        assert!(ColumnSet::from_names(["id"]).is_err());
        assert!(ColumnSet::from_names(NEEDED.into_iter().rev()).is_err());
        let twice = [
            "id",
            "id",
            "act_id",
            "status",
            "started_at",
            "usage_total_usd",
            "cost_state",
        ];
        assert!(ColumnSet::from_names(twice).is_err());
    }
}
