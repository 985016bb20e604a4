//! Which columns an export has. Pure: names to positions in the one table of columns, and which of them can't be left out.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};

use crate::runs::schema::{COLUMNS, Column, DETAIL, col};

/// What reports and `verify` are made from, and so is never left out.
pub const NEEDED: [&str; 6] = ["id", "act_id", "status", "started_at", "usage_total_usd", "cost_state"];

/// Columns of an export: positions in [`COLUMNS`], ascending, with all of [`NEEDED`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen(Vec<usize>);

impl Chosen {
    /// Every column, those of details only with them.
    pub fn all(details: bool) -> Chosen {
        let all = 0..COLUMNS.len();
        Chosen(all.filter(|at| details || !DETAIL.contains(at)).collect())
    }

    /// What costs are told by: [`NEEDED`] and when a run finished.
    pub fn priced() -> Chosen {
        let wanted = |at: &usize| NEEDED.contains(&COLUMNS[*at].name) || *at == col::FINISHED_AT;
        Chosen((0..COLUMNS.len()).filter(wanted).collect())
    }

    /// Those of an export that were asked for: `only` these (all if empty) but not `except`; an error says what is wrong and
    /// what there is.
    pub fn asked(only: &[String], except: &[String], details: bool) -> Result<Chosen, String> {
        let all = Chosen::all(details);
        for name in only.iter().chain(except) {
            if all.position(name).is_some() {
                continue;
            }
            let known = COLUMNS.iter().any(|column| column.name == name);
            return Err(if known {
                format!("column {name} comes from the runs' details: it needs --details all")
            } else {
                format!(
                    "there is no column {name:?}; the columns are {}",
                    all.names().join(", ")
                )
            });
        }
        let wanted = |name: &str| {
            let listed = |list: &[String]| list.iter().any(|listed| listed == name);
            (only.is_empty() || listed(only)) && !listed(except)
        };
        let missing: Vec<_> = NEEDED.into_iter().filter(|name| !wanted(name)).collect();
        if !missing.is_empty() {
            return Err(format!(
                "{} can't be left out: reports and verify are made from {}",
                missing.join(", "),
                NEEDED.join(", ")
            ));
        }
        Ok(Chosen(
            all.0.into_iter().filter(|at| wanted(COLUMNS[*at].name)).collect(),
        ))
    }

    /// Those that a file has, by the names in its header; an error if they are none of an export.
    pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Chosen, String> {
        let positions: Option<Vec<usize>> = names
            .into_iter()
            .map(|name| COLUMNS.iter().position(|column| column.name == name))
            .collect();
        let chosen = positions
            .filter(|positions| positions.is_sorted_by(|a, b| a < b))
            .map(Chosen);
        chosen
            .filter(|chosen| NEEDED.iter().all(|needed| chosen.position(needed).is_some()))
            .ok_or_else(|| "its columns are not those of an export".to_string())
    }

    /// Those that a Parquet file has, names and types.
    pub fn of_schema(schema: &Schema) -> Result<Chosen, String> {
        let chosen = Chosen::of_names(schema.fields().iter().map(|field| field.name().as_str()))?;
        let types = |schema: &Schema| -> Vec<DataType> {
            let fields = schema.fields().iter();
            fields.map(|field| field.data_type().clone()).collect()
        };
        if types(schema) == types(&chosen.schema()) {
            Ok(chosen)
        } else {
            Err("its columns have other types than those of an export".into())
        }
    }

    /// Those of them that are among these names, and what is never left out.
    pub fn among(&self, names: &[&str]) -> Chosen {
        let wanted = |at: &usize| names.contains(&COLUMNS[*at].name) || NEEDED.contains(&COLUMNS[*at].name);
        Chosen(self.0.iter().copied().filter(wanted).collect())
    }

    /// The columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + Clone + '_ {
        self.0.iter().map(|at| &COLUMNS[*at])
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.columns().map(|column| column.name).collect()
    }

    /// Where a column of this name stands among them.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns().position(|column| column.name == name)
    }

    /// Where they stand among other ones that have them all.
    pub fn within(&self, other: &Chosen) -> Vec<usize> {
        self.0.iter().filter_map(|at| other.0.binary_search(at).ok()).collect()
    }

    /// Rows of other columns with these alone.
    ///
    /// # Panics
    /// Where the others lack one of them.
    pub fn of_rows(&self, rows: &RecordBatch, columns: &Chosen) -> RecordBatch {
        rows.project(&self.within(columns))
            .expect("positions lie within the rows")
    }

    /// The same as an Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().map(Column::field).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(only: &[&str], except: &[&str]) -> Result<Vec<&'static str>, String> {
        let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        Chosen::asked(&list(only), &list(except), false).map(|chosen| chosen.names())
    }

    #[test]
    fn all_is_all_but_details_unless_they_are_asked() {
        assert_eq!((Chosen::all(false).0.len(), Chosen::all(true).0.len()), (23, 41));
        assert_eq!(Chosen::all(false).names().last(), Some(&"actor_task_name"));
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
        assert_eq!(left.len(), 21);
        assert!(!left.contains(&"meta_client_ip"));
    }

    #[test]
    fn what_is_needed_or_unknown_is_named() {
        let error = asked(&["id", "usage_total_usd"], &[]).unwrap_err();
        assert!(
            error.starts_with("act_id, status, started_at, cost_state can't"),
            "{error}"
        );
        assert!(asked(&[], &["id"]).unwrap_err().starts_with("id can't"));
        let error = asked(&["cost"], &[]).unwrap_err();
        assert!(
            error.contains("\"cost\"") && error.contains("usage_total_usd, "),
            "{error}"
        );
        assert!(asked(&["compute_units"], &[]).unwrap_err().contains("--details all"));
    }

    #[test]
    fn files_of_other_columns_are_none_of_an_export() {
        assert!(Chosen::of_names(Chosen::all(true).names()).is_ok());
        assert!(Chosen::of_names(NEEDED).is_ok());
        assert!(Chosen::of_names(["id"]).is_err());
        assert!(Chosen::of_names(NEEDED.into_iter().rev()).is_err());
        let twice = [
            "id",
            "id",
            "act_id",
            "status",
            "started_at",
            "usage_total_usd",
            "cost_state",
        ];
        assert!(Chosen::of_names(twice).is_err());
    }
}
