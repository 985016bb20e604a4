//! Sheets of report.xlsx as grids of cells, and the tables on them, by the titles in their first cells.

use std::collections::BTreeMap;
use std::io::Read;

use super::read::{ReadCell, ReadRow, ReadTable, RowKind, between, unescaped};

/// A sheet's cells by row and column, from 1 on.
pub type Cells = BTreeMap<(u32, u32), ReadCell>;

/// The rows of totals and of heads, and the first of figures, as the first sheet says.
const ROWS: [u32; 3] = [3, 4, 5];

/// Every sheet's name and cells, in order.
pub fn sheets(bytes: &[u8]) -> Vec<(String, Cells)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let shared = part("xl/sharedStrings.xml");
    let shared: Vec<String> = shared.split("<si>").skip(1).map(shared_text).collect();
    let workbook = part("xl/workbook.xml");
    let names = workbook.split("<sheet name=\"").skip(1);
    let sheet = |(number, rest): (usize, &str)| {
        let name = unescaped(rest.split_once('"').unwrap().0);
        let xml = part(&format!("xl/worksheets/sheet{number}.xml"));
        let cells = xml.split("<c r=\"").skip(1).filter_map(|xml| cell(xml, &shared));
        (name, cells.collect())
    };
    (1..).zip(names).map(sheet).collect()
}

fn shared_text(xml: &str) -> String {
    let (text, _) = between(xml, "<t", "</t>").unwrap();
    unescaped(text.split_once('>').unwrap().1)
}

fn cell(xml: &str, shared: &[String]) -> Option<((u32, u32), ReadCell)> {
    let (place, rest) = xml.split_once('"')?;
    let (attributes, rest) = rest.split_once('>')?;
    if attributes.ends_with('/') {
        return None;
    }
    let body = rest.split("</c>").next()?;
    let value = between(body, "<v>", "</v>").map(|(value, _)| value);
    let cell = match attributes {
        _ if attributes.contains("t=\"s\"") => ReadCell::of(&shared[value?.parse::<usize>().unwrap()]),
        _ if attributes.contains("t=\"inlineStr\"") => ReadCell::of(shared_text(body)),
        _ if attributes.contains("t=\"") => ReadCell::of(unescaped(value?)),
        _ => ReadCell {
            number: Some(value?.parse().unwrap()),
            ..ReadCell::default()
        },
    };
    let letters = place.trim_end_matches(char::is_numeric);
    let column = letters
        .bytes()
        .fold(0, |sum, letter| sum * 26 + u32::from(letter - b'A') + 1);
    Some(((place[letters.len()..].parse().unwrap(), column), cell))
}

/// The table of a sheet that is laid out as sheets of tables are.
pub fn table(cells: &Cells) -> ReadTable {
    let [total, head, first] = ROWS;
    let at = |row, column| cells.get(&(row, column)).cloned().unwrap_or_default();
    let heads: Vec<String> = (1..)
        .map(|column| (column, at(head, column)))
        .take_while(|(column, _)| cells.contains_key(&(head, *column)))
        .map(|(_, cell)| cell.text)
        .collect();
    let row = |row, kind| ReadRow {
        kind,
        cells: (1..).zip(&heads).map(|(column, _)| at(row, column)).collect(),
    };
    let last = cells.keys().map(|(row, _)| *row).max().unwrap_or(0);
    let widest = cells
        .keys()
        .filter(|(row, _)| *row > head)
        .map(|(_, column)| *column)
        .max();
    assert!(widest.unwrap_or(0) <= heads.len() as u32, "a cell without a head");
    let mut rows: Vec<ReadRow> = (first..=last).map(|at| row(at, RowKind::One)).collect();
    if cells.keys().any(|(row, _)| *row == total) {
        rows.push(row(total, RowKind::Total));
    }
    ReadTable {
        title: at(1, 1).text,
        heads,
        rows,
    }
}
