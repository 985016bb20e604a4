//! Tables as the page has them: cells that are already words, the first of a row its heading. What they hold is worked out in
//! `layout` and elsewhere; how they look is the template's.

use serde::Serialize;

use super::shown::Shown;
use crate::money::{Usd, percent};
use crate::text::thousands;

/// Rows of a table that are shown one by one.
pub const TOP: usize = 20;

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
