//! Tables as the page lays them out: cells that are already words, the first of a row its heading. What they hold is worked
//! out in `tables` and elsewhere; how they look is the template's.

use serde::Serialize;

use super::shown::Shown;
use crate::money::{SCALE, Usd, percent};
use crate::report::table::{Cell, Column, Kind, Table};
use crate::text::{counted, thousands};

/// Rows of a table that are shown one by one.
pub const TOP: usize = 20;
/// The same for days.
const DAYS: usize = 62;

/// A table.
#[derive(Debug, Default, Serialize)]
pub struct Grid {
    /// The question that it answers, for those who don't see the heading above it.
    pub caption: String,
    /// Its columns' headings.
    pub heads: Vec<Head>,
    /// Its rows.
    pub rows: Vec<Line>,
    /// What must be said of it, beside its figures.
    pub note: Option<String>,
}

/// A column's heading.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Head {
    /// Its words.
    pub text: &'static str,
    /// How its cells are laid out: `n` for a quantity, `name`, `minor` for what a narrow screen does without.
    pub class: &'static str,
}

/// A row.
#[derive(Debug, Serialize)]
pub struct Line {
    /// `rest`, `total`, or empty for an ordinary one.
    pub kind: &'static str,
    /// As many as there are headings.
    pub cells: Vec<Entry>,
}

/// A cell.
#[derive(Debug, Default, Serialize)]
pub struct Entry {
    /// What is shown.
    pub text: String,
    /// What the pointer shows: all of a text that was cut, an amount's exact value.
    pub full: Option<String>,
    /// What is shown beneath, smaller.
    pub under: Option<Shown>,
    /// Where it leads.
    pub href: Option<String>,
    /// How much of its bar is full, in percent.
    pub bar: Option<String>,
    /// Whether it is a third party's text.
    pub is_foreign: bool,
    /// Whether it is the word for something that isn't there.
    pub is_absent: bool,
    /// Whether it is an ID or a hash.
    pub is_code: bool,
}

impl Head {
    /// A column of text.
    pub const fn text(text: &'static str) -> Head {
        Head { text, class: "" }
    }

    /// A column of text that may be long.
    pub const fn name(text: &'static str) -> Head {
        Head { text, class: "name" }
    }

    /// A column of text that a narrow screen does without.
    pub const fn minor(text: &'static str) -> Head {
        Head { text, class: "minor" }
    }

    /// A column of quantities.
    pub const fn number(text: &'static str) -> Head {
        Head { text, class: "n" }
    }

    /// A column of quantities that a narrow screen does without.
    pub const fn minor_number(text: &'static str) -> Head {
        Head { text, class: "n minor" }
    }
}

impl Line {
    /// An ordinary row.
    pub fn of(cells: Vec<Entry>) -> Line {
        Line { kind: "", cells }
    }

    /// The row of all that isn't shown one by one.
    pub fn rest(cells: Vec<Entry>) -> Line {
        Line { kind: "rest", cells }
    }

    /// The row of all.
    pub fn total(cells: Vec<Entry>) -> Line {
        Line { kind: "total", cells }
    }
}

impl Entry {
    /// Our own words.
    pub fn words(text: impl Into<String>) -> Entry {
        Entry {
            text: text.into(),
            ..Entry::default()
        }
    }

    /// Our own word for what isn't there.
    pub fn absent(word: &str) -> Entry {
        Entry {
            is_absent: true,
            ..Entry::words(word)
        }
    }

    /// A third party's text.
    pub fn foreign(text: &str) -> Entry {
        let Shown { text, full } = Shown::new(text);
        Entry {
            full,
            is_foreign: true,
            ..Entry::words(text)
        }
    }

    /// A third party's word, as for a status.
    pub fn word(text: &str) -> Entry {
        let Shown { text, full } = Shown::within(text, 24);
        Entry {
            full,
            is_foreign: true,
            ..Entry::words(text)
        }
    }

    /// A third party's ID.
    pub fn code(text: &str) -> Entry {
        Entry {
            is_code: true,
            ..Entry::foreign(text)
        }
    }

    /// A number of runs.
    pub fn count(count: u64) -> Entry {
        Entry::words(thousands(count))
    }

    /// An amount, or a word for that none is known.
    pub fn usd(usd: Option<Usd>, absent: &str) -> Entry {
        match usd {
            None => Entry::absent(absent),
            Some(usd) => Entry {
                full: Some(usd.to_string()),
                ..Entry::words(usd.dollars())
            },
        }
    }

    /// An amount of six places.
    pub fn mean(decimal: Option<String>) -> Entry {
        decimal.map_or(Entry::default(), |decimal| match decimal.strip_prefix('-') {
            Some(amount) => Entry::words(format!("-${amount}")),
            None => Entry::words(format!("${decimal}")),
        })
    }

    /// A part of a whole, with its bar.
    pub fn share(part: Option<Usd>, all: Option<Usd>) -> Entry {
        let both = part.zip(all);
        let Some(text) = both.and_then(|(part, all)| percent(part, all)) else {
            return Entry::default();
        };
        Entry {
            bar: both.map(|(part, all)| filled(part, all)),
            ..Entry::words(text)
        }
    }

    /// The same with something smaller beneath.
    pub fn over(self, under: Option<&str>) -> Entry {
        Entry {
            under: under.map(Shown::new),
            ..self
        }
    }
}

/// How much of a bar a part fills, in percent of all of it: geometry, so floating point does.
pub fn filled(part: Usd, all: Usd) -> String {
    let percent = (part.0 as f64 / all.0 as f64 * 100.0).clamp(0.0, 100.0);
    if percent.is_finite() {
        format!("{percent:.2}")
    } else {
        "0".into()
    }
}

impl Grid {
    /// Any report: its first rows, the sum of the rest, and its total.
    pub fn of(table: &Table) -> Grid {
        let most = if table.columns.iter().any(|column| column.kind == Kind::Date) {
            DAYS
        } else {
            TOP
        };
        let shown = if table.len <= most + 1 { table.len } else { most };
        let layout = Layout::of(table);
        let mut rows: Vec<Line> = (0..shown)
            .map(|at| Line::of(layout.entries(&(table.row)(at))))
            .collect();
        if shown < table.len {
            let mut cells = layout.entries(&rest(table, shown));
            let others = counted((table.len - shown) as u64, "other", "others");
            cells[0] = Entry::words(others);
            rows.push(Line::rest(cells));
        }
        if let Some(total) = &table.total {
            let mut cells = layout.entries(total);
            cells[0] = Entry::words("Total");
            rows.push(Line::total(cells));
        }
        Grid {
            caption: table.title.clone(),
            heads: layout.heads(),
            rows,
            note: table.note.as_deref().map(super::shown::sentence),
        }
    }
}

/// What all rows from one on add up to: runs and dollars; nothing that can't be added.
fn rest<'r>(table: &Table, from: usize) -> Vec<Cell<'r>> {
    let mut sums: Vec<Cell> = table.columns.iter().map(|_| Cell::Absent).collect();
    for cells in (from..table.len).map(|at| (table.row)(at)) {
        for (sum, cell) in sums.iter_mut().zip(cells) {
            *sum = match (&*sum, cell) {
                (Cell::Absent, Cell::Count(count)) => Cell::Count(count),
                (Cell::Absent, Cell::Usd(usd)) => Cell::Usd(usd),
                (Cell::Count(sum), Cell::Count(count)) => Cell::Count(sum + count),
                (Cell::Usd(sum), Cell::Usd(usd)) => Cell::Usd(Usd(sum.0.saturating_add(usd.0))),
                _ => continue,
            };
        }
    }
    sums
}

/// Which of a report's columns stand where: an ID beneath the name of what it is of.
struct Layout<'t> {
    columns: &'t [Column],
    /// A column's place, and the place of the one beneath.
    places: Vec<(usize, Option<usize>)>,
}

/// Names and the IDs of what they name.
const NAMED: [(&str, &str); 2] = [("act_name", "act_id"), ("actor_task_name", "actor_task_id")];

/// Quantities that a report is about: a narrow screen shows what comes first.
const FIRST: [&str; 7] = [
    "usage_unsuccessful_usd",
    "share_of_actor_usage",
    "usage_before_usd",
    "usage_total_usd",
    "change_usd",
    "change_share",
    "runs_cost_unknown",
];

impl<'t> Layout<'t> {
    fn of(table: &'t Table) -> Layout<'t> {
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let named: Vec<(usize, usize)> = NAMED
            .iter()
            .filter_map(|(name, id)| Some((place(name)?, place(id)?)))
            .collect();
        let is_beneath = |at: &usize| named.iter().any(|(_, id)| id == at);
        let order = table.reading_order().into_iter().filter(|at| !is_beneath(at));
        let beneath = |at: usize| named.iter().find(|(name, _)| *name == at).map(|(_, id)| *id);
        let mut places: Vec<(usize, Option<usize>)> = order.map(|at| (at, beneath(at))).collect();
        let is_number = |at: usize| table.columns[at].kind.is_number();
        let rank = |at: usize| FIRST.iter().position(|name| *name == table.columns[at].name);
        places.sort_by_key(|(at, _)| (is_number(*at), rank(*at).unwrap_or(FIRST.len())));
        Layout {
            columns: &table.columns,
            places,
        }
    }

    fn heads(&self) -> Vec<Head> {
        let head = |(at, _): &(usize, Option<usize>)| {
            let column = &self.columns[*at];
            // Amounts have their sign in every cell; it is said above where a count is called the same.
            let text = column.head.strip_suffix(", $").unwrap_or(column.head);
            let is_taken = self.columns.iter().any(|other| other.head == text);
            let text = if is_taken { column.head } else { text };
            match column.kind {
                kind if kind.is_number() => Head::number(text),
                Kind::Name => Head::name(text),
                _ => Head::text(text),
            }
        };
        self.places.iter().map(head).collect()
    }

    fn entries(&self, cells: &[Cell]) -> Vec<Entry> {
        let entry = |(at, beneath): &(usize, Option<usize>)| match (entry(&cells[*at], &self.columns[*at]), beneath) {
            (name, None) => name,
            (name, Some(id)) => match (&cells[*at], &cells[*id]) {
                (Cell::Absent, Cell::Absent) => Entry::absent(self.columns[*id].absent),
                (Cell::Absent, id) => entry_of_text(id, self.columns[*at].kind),
                (_, Cell::Text(id)) => name.over(Some(id)),
                _ => name,
            },
        };
        self.places.iter().map(entry).collect()
    }
}

fn entry_of_text(cell: &Cell, kind: Kind) -> Entry {
    match cell {
        Cell::Text(text) if kind == Kind::Date => Entry::words(text.as_ref()),
        Cell::Text(text) if kind == Kind::Key => Entry::word(text),
        Cell::Text(text) => Entry::foreign(text),
        _ => Entry::default(),
    }
}

fn entry(cell: &Cell, column: &Column) -> Entry {
    // What moved has a sign, so that a rise is seen to be one.
    let is_move = column.name.starts_with("change_");
    let signed = |entry: Entry, is_rise: bool| match is_move && is_rise {
        true => Entry {
            text: format!("+{}", entry.text),
            ..entry
        },
        false => entry,
    };
    match cell {
        Cell::Absent => Entry::absent(column.absent),
        Cell::Text(_) => entry_of_text(cell, column.kind),
        Cell::Count(count) => Entry::count(*count),
        Cell::Usd(usd) => signed(Entry::usd(Some(*usd), ""), usd.0 > 0),
        Cell::Decimal(decimal) if column.kind == Kind::Share => {
            let share = Usd::parse_plain(decimal);
            let percent = share.and_then(|share| percent(share, Usd(10i128.pow(SCALE))));
            signed(
                Entry::words(percent.unwrap_or_default()),
                share.is_some_and(|share| share.0 > 0),
            )
        }
        Cell::Decimal(decimal) => Entry::mean(Some(decimal.clone())),
        Cell::Instant(ms) => Entry::words(super::minute(*ms)),
    }
}
