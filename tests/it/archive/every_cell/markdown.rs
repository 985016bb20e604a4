//! Tables of report.md, by their titles.

use super::read::{ReadCell, ReadRow, ReadTable, RowKind};

pub fn tables(markdown: &str) -> Vec<ReadTable> {
    let sections = markdown.split("\n## ").skip(1);
    sections.filter_map(table).collect()
}

fn table(section: &str) -> Option<ReadTable> {
    let mut lines = section.lines().filter(|line| line.starts_with('|'));
    let heads = cells(lines.next()?);
    let rule = lines.next().unwrap();
    assert!(rule.chars().all(|c| "|:-".contains(c)), "{rule}");
    let row = |line| {
        let cells = cells(line);
        assert_eq!(cells.len(), heads.len(), "{line}");
        let kind = match cells[0].as_str() {
            "**Total**" => RowKind::Total,
            first if first.starts_with("and ") && first.ends_with(" others") => RowKind::Rest,
            _ => RowKind::One,
        };
        ReadRow {
            kind,
            cells: cells.iter().map(|text| ReadCell::of(unescaped(text))).collect(),
        }
    };
    Some(ReadTable {
        title: unescaped(section.lines().next().unwrap()),
        rows: lines.map(row).collect(),
        heads: heads.iter().map(|head| unescaped(head)).collect(),
    })
}

/// A line's cells: what stands between bars that no backslash is before.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match c {
            '|' => cells.push(String::new()),
            '\\' => cells
                .last_mut()
                .unwrap()
                .extend([Some('\\'), letters.next()].into_iter().flatten()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    let inner = &cells[1..cells.len() - 1];
    inner.iter().map(|cell| cell.trim().to_string()).collect()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        plain.extend(if c == '\\' { letters.next() } else { Some(c) });
    }
    plain.replace("&amp;", "&")
}
