//! `report.json`, read as a stream: some of its members, and its reports against the tables that they should be. What a
//! difference means is [`super::reports`]' to say.

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::de::IoRead;
use serde_json::{Map, Value};

use crate::error::ReadError;
use crate::period::format_instant;
use crate::report::account_usage::USAGE_EXPLAINED;
use crate::report::table::{Cell, Table, TableColumn};

pub struct TableMatches {
    /// The document's own totals.
    pub totals: Option<Value>,
    /// What it says of the usage that is explained.
    pub usage_explained: Option<Value>,
    /// Of each table, in their order, whether the document has its rows and no others.
    pub same: Vec<bool>,
}

/// A table, and which of its columns a report may lack where they are absent from all rows.
pub struct ExpectedTable<'r> {
    pub table: Table<'r>,
    pub may_lack: Vec<&'static str>,
}

/// Compares a document's reports to tables, by values and not by how they are written. An error where it is no such document.
pub fn compare(document: impl Read, tables: &[ExpectedTable]) -> Result<TableMatches, ReadError> {
    let mut compared = TableMatches {
        totals: None,
        usage_explained: None,
        same: vec![false; tables.len()],
    };
    let mut json = json(document);
    let read = json.deserialize_map(TablesVisitor(tables, &mut compared));
    let read = read.and_then(|()| json.end());
    read.map(|()| compared).map_err(ReadError::new)
}

/// Those of its members that have these names. They stand before its reports, which are left unread; that the rest is well-formed
/// is [`compare`]'s to check.
pub fn members(document: impl Read, names: &[&str]) -> Map<String, Value> {
    let mut members = Map::new();
    let _ = json(document).deserialize_map(MembersVisitor(names, &mut members));
    members
}

fn json<R: Read>(document: R) -> serde_json::Deserializer<IoRead<BufReader<R>>> {
    serde_json::Deserializer::from_reader(BufReader::with_capacity(64 << 10, document))
}

struct TablesVisitor<'c, 'r>(&'c [ExpectedTable<'r>], &'c mut TableMatches);

impl<'de> Visitor<'de> for TablesVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let TablesVisitor(tables, compared) = self;
        while let Some(name) = map.next_key::<String>()? {
            if name == "totals" {
                compared.totals = Some(map.next_value()?);
            } else if name == USAGE_EXPLAINED {
                compared.usage_explained = Some(map.next_value()?);
            } else if let Some(at) = tables.iter().position(|expected| expected.table.name == name) {
                compared.same[at] = map.next_value_seed(RowsSeed(&tables[at]))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct MembersVisitor<'c>(&'c [&'c str], &'c mut Map<String, Value>);

impl<'de> Visitor<'de> for MembersVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let MembersVisitor(names, members) = self;
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name.as_str()) {
                members.insert(name, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if members.len() == names.len() {
                return Err(A::Error::custom("all of them are there"));
            }
        }
        Ok(())
    }
}

/// Whether a list holds a table's rows.
struct RowsSeed<'c, 'r>(&'c ExpectedTable<'r>);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a report's rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut same = true;
        let ExpectedTable { table, may_lack } = self.0;
        for cells in table.rows() {
            let row = RowSeed {
                columns: &table.columns,
                may_lack,
                cells: cells.into_iter().map(Some).collect(),
            };
            match list.next_element_seed(row)? {
                Some(is_it) => same &= is_it,
                None => return Ok(false),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            same = false;
        }
        Ok(same)
    }
}

/// Whether an object holds a row's cells, each once.
struct RowSeed<'c, 'r> {
    columns: &'c [TableColumn],
    may_lack: &'c [&'static str],
    cells: Vec<Option<Cell<'r>>>,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a report's row")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        let mut same = true;
        let mut next = 0;
        while let Some(at) = map.next_key_seed(ColumnSeed(self.columns, next))? {
            let cell = at.and_then(|at| self.cells[at].take());
            same &= match cell {
                Some(cell) => map.next_value_seed(CellSeed(&cell))?,
                None => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
            next = at.map_or(next, |at| at + 1);
        }
        let may_be_left = |(column, cell): (&TableColumn, &Option<Cell>)| match cell {
            None => true,
            Some(cell) => *cell == Cell::Absent && self.may_lack.contains(&column.name),
        };
        Ok(same && self.columns.iter().zip(&self.cells).all(may_be_left))
    }
}

/// The position of the column that a key names; the one that is expected is tried first.
struct ColumnSeed<'c>(&'c [TableColumn], usize);

impl<'de> DeserializeSeed<'de> for ColumnSeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for ColumnSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        let ColumnSeed(columns, next) = self;
        let is_it = |column: &TableColumn| column.name == name;
        let expected = columns.get(next).is_some_and(is_it).then_some(next);
        Ok(expected.or_else(|| columns.iter().position(is_it)))
    }
}

/// Whether a value is a cell's.
struct CellSeed<'c, 'r>(&'c Cell<'r>);

impl<'de> DeserializeSeed<'de> for CellSeed<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        match self.0 {
            Cell::Worded(value, _) => CellSeed(value).deserialize(json),
            _ => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for CellSeed<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a cell")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(*self.0 == Cell::Absent)
    }

    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        Ok(*self.0 == Cell::Count(number))
    }

    fn visit_str<E>(self, found: &str) -> Result<bool, E> {
        Ok(match self.0 {
            Cell::Absent | Cell::Count(_) | Cell::Worded(..) => false,
            Cell::Text(text) => text == found,
            Cell::Quantity(usd) | Cell::Usd(usd) => usd.to_string() == found,
            Cell::Decimal(decimal) => decimal.to_string() == found,
            Cell::Instant(ms) => format_instant(*ms) == found,
        })
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::ratio_6_places;
    use crate::report::table::{CellKind, column};

    fn table() -> Table<'static> {
        let row = |at| match at {
            0 => vec![Cell::text(Some("é\"x")), Cell::Count(2), Cell::Instant(0)],
            _ => vec![
                Cell::Absent,
                Cell::Count(1),
                Cell::decimal(ratio_6_places(1, 2)).worded("half"),
            ],
        };
        Table {
            name: "by_key".into(),
            title: String::new(),
            columns: vec![
                column("key", "key", CellKind::Key),
                column("runs", "runs", CellKind::Count),
                column("third", "third", CellKind::Share),
            ],
            len: 2,
            row: Box::new(row),
            total: None,
            note: None,
        }
    }

    fn compared(text: &str) -> Result<bool, ReadError> {
        compared_without(text, &[])
    }

    fn compared_without(text: &str, may_lack: &[&'static str]) -> Result<bool, ReadError> {
        let expected = ExpectedTable {
            table: table(),
            may_lack: may_lack.to_vec(),
        };
        compare(text.as_bytes(), &[expected]).map(|compared| compared.same[0])
    }

    const FIRST: &str = r#"{"key":"é\"x","runs":2,"third":"1970-01-01T00:00:00.000Z"}"#;
    const SECOND: &str = r#"{ "third": "0.500000", "runs": 1, "key": null }"#;

    #[test]
    fn rows_are_compared_by_what_they_say_and_every_difference_counts() {
        let document = |rows: &str| format!(r#"{{"notice":null,"by_key":[{rows}],"other":[{{"a":[1]}}]}}"#);
        let whole = format!("{FIRST},{SECOND}");
        assert_eq!(compared(&document(&whole)), Ok(true));
        for (from, to) in [
            (FIRST, ""),
            (SECOND, FIRST),
            ("\"runs\":2", "\"runs\":3"),
            ("\"runs\":2", "\"runs\":\"2\""),
            ("\"runs\":2", "\"runs\":2.0"),
            ("\"runs\":2", "\"runs\":-2"),
            ("\"runs\":2", "\"runs\":2,\"runs\":2"),
            ("\"runs\":2,", ""),
            ("\"runs\":2", "\"runs\":2,\"more\":null"),
            ("null", "\"\""),
            ("null", "true"),
            ("00.000Z", "00Z"),
            ("0.500000", "0.5"),
        ] {
            let other = whole.replacen(from, to, 1);
            let other = other.trim_matches(',');
            assert_eq!(compared(&document(other)), Ok(false), "{from} -> {to}");
        }
        assert_eq!(compared(&document(&format!("{whole},{SECOND}"))), Ok(false));
        assert_eq!(compared("{}"), Ok(false));
    }

    #[test]
    fn a_row_may_lack_a_column_only_where_it_may_and_where_the_row_has_no_value() {
        let document = |key: &str| format!(r#"{{"by_key":[{FIRST},{{"third":"0.500000"{key},"runs":1}}]}}"#);
        assert_eq!(compared_without(&document(""), &["key"]), Ok(true));
        assert_eq!(compared_without(&document(r#","key":null"#), &["key"]), Ok(true));
        assert_eq!(compared_without(&document(r#","key":"x""#), &["key"]), Ok(false));
        assert_eq!(compared_without(&document(""), &["runs"]), Ok(false));
        assert_eq!(
            compared_without(&document("").replace(r#""third":"0.500000","#, ""), &["key", "third"]),
            Ok(false)
        );
    }

    #[test]
    fn what_is_no_such_document_is_an_error() {
        for text in [
            "",
            "[]",
            r#"{"by_key":[]"#,
            "{} {}",
            r#"{"by_key":{}}"#,
            r#"{"by_key":[{"key":[]}]}"#,
        ] {
            assert!(compared(text).is_err(), "{text}");
        }
    }

    #[test]
    fn members_are_read_up_to_the_last_that_is_wanted() {
        let text = r#"{"a":1,"b":{"c":[2]},"d":3, and no more"#.as_bytes();
        let found = members(text, &["b", "a"]);
        assert_eq!((found.len(), &found["b"]["c"][0]), (2, &Value::from(2)));
        assert_eq!(members(text, &["a", "x"]).len(), 1);
    }
}
