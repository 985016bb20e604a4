//! Tables of the terminal and of summary.txt: lines whose columns are found by where their heads stand.

use unicode_width::UnicodeWidthChar;

use super::read::{ReadCell, ReadRow, ReadTable, RowKind};

/// Heads of the tables of Actors and of groups; the first is on the left, the others end where their figures end.
const OF_BREAKDOWN: [&str; 5] = ["runs", "usage", "share", "unsuccessful", "cost unknown"];
const CHANGES: &str = "Largest changes since the previous period";

/// The tables of a summary: of groups, of Actors, of the largest changes.
pub fn tables<'s>(summary: &'s str) -> Vec<ReadTable> {
    // What is too long for a mail says in its last line how many lines it leaves out.
    let is_of_cut = |line: &&str| !line.contains(" left out: see the other formats");
    let lines = |block: &'s str| block.lines().filter(is_of_cut).collect();
    let blocks: Vec<Vec<&str>> = summary.split("\n\n").map(lines).collect();
    let block = |lines: &Vec<&str>| match *lines.first()? {
        head if head.starts_with("Actor ") && head.ends_with(OF_BREAKDOWN[4]) => {
            Some(breakdown("Cost by Actor", lines))
        }
        head if head.starts_with("Group ") && head.ends_with(OF_BREAKDOWN[4]) => {
            Some(breakdown("Cost by group", lines))
        }
        CHANGES => lines
            .get(1)
            .filter(|head| head.starts_with("Actor "))
            .map(|_| changes(&lines[1..])),
        _ => None,
    };
    blocks.iter().filter_map(block).collect()
}

fn breakdown(title: &str, lines: &[&str]) -> ReadTable {
    let name = lines[0].split(' ').next().unwrap();
    let mut heads: Vec<&str> = [name].into_iter().chain(OF_BREAKDOWN).collect();
    // Where amounts are wide, those of unsuccessful runs are left out.
    heads.retain(|head| lines[0].contains(head));
    let total = lines.iter().position(|line| line.starts_with("Total ")).unwrap();
    let ends = ends(lines[0], &heads);
    let row = |(at, line): (usize, &&str)| {
        let cells = slices(line, &ends);
        let first = cells[0].text.as_str();
        let kind = match first {
            _ if at == total => RowKind::Total,
            _ if at == total - 1 && first.contains(" other ") => RowKind::Rest,
            _ => RowKind::One,
        };
        ReadRow { kind, cells }
    };
    ReadTable {
        title: title.into(),
        heads: heads.iter().map(|head| head.to_string()).collect(),
        rows: lines.iter().enumerate().take(total + 1).skip(1).map(row).collect(),
    }
}

/// Where each head ends, in columns; the last of a line has no end.
fn ends(line: &str, heads: &[&str]) -> Vec<usize> {
    let mut from = 0;
    let mut ends = Vec::new();
    for head in heads {
        let at = line[from..]
            .find(head)
            .unwrap_or_else(|| panic!("{head:?} is not in {line:?}"));
        from += at + head.len();
        ends.push(from);
    }
    // What is on the left goes on until the first figure begins.
    ends[0] = 0;
    ends
}

/// A line as columns of the screen.
fn columns(line: &str) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for c in line.chars() {
        match c.width().unwrap_or(0) {
            0 => columns.last_mut().unwrap().push(c),
            1 => columns.push(c.into()),
            _ => columns.extend([c.into(), String::new()]),
        }
    }
    columns
}

/// Cells whose figures end where the heads do: nothing may stand across such an end.
fn slices(line: &str, ends: &[usize]) -> Vec<ReadCell> {
    let columns = columns(line);
    let part = |from: usize, to: usize| columns[from.min(columns.len())..to.min(columns.len())].concat();
    let first = part(0, ends[1]);
    assert!(first.contains("  ") || first.rsplit(' ').next().is_some(), "{line}");
    let (name, figure) = first.trim_end().rsplit_once(' ').unwrap();
    let mut cells = vec![ReadCell::of(name.trim_end()), ReadCell::of(figure)];
    for pair in ends[1..].windows(2) {
        let text = part(pair[0], pair[1]);
        assert!(
            text.is_empty() || text.starts_with(' '),
            "figures run into each other: {line}"
        );
        cells.push(ReadCell::of(text.trim()));
    }
    assert!(columns.len() <= ends[ends.len() - 1], "a figure is out of line: {line}");
    cells
}

/// Text columns begin where their heads begin, figures end where theirs end.
fn changes(lines: &[&str]) -> ReadTable {
    // Where amounts are wide, the previous one is left out.
    let mut heads = vec!["Actor", "change", "previous usage, $", "usage, $", "change, $"];
    heads.retain(|head| lines[0].contains(head));
    let ends = ends(lines[0], &heads);
    let start = ends[1] - heads[1].len();
    let rows = lines[1..].iter().take_while(|line| !line.contains("cannot be judged"));
    let row = |line: &&str| {
        let columns = columns(line);
        let part = |from: usize, to: usize| columns[from.min(columns.len())..to.min(columns.len())].concat();
        let mut cells = vec![
            ReadCell::of(part(0, start).trim()),
            ReadCell::of(part(start, ends[1]).trim()),
        ];
        // The change is words of some length; the first figure may be absent.
        let middle = part(start, ends[2]);
        let (change, figure) = match columns.get(ends[2] - 1) {
            Some(last) if last != " " => middle.rsplit_once(' ').unwrap(),
            _ => (middle.as_str(), ""),
        };
        cells[1] = ReadCell::of(change.trim());
        cells.push(ReadCell::of(figure));
        let others = ends[2..]
            .windows(2)
            .map(|pair| ReadCell::of(part(pair[0], pair[1]).trim()));
        cells.extend(others);
        assert!(columns.len() <= ends[ends.len() - 1], "a figure is out of line: {line}");
        ReadRow {
            kind: RowKind::One,
            cells,
        }
    };
    ReadTable {
        title: CHANGES.into(),
        heads: heads.iter().map(|head| head.to_string()).collect(),
        rows: rows.map(row).collect(),
    }
}
