//! Tables as the page has them: cells that are already words, the first of a row its heading. What they hold is worked out in
//! `layout` and elsewhere; how they look is the template's.

use serde::Serialize;

use crate::money::{Ratio, Usd, share_6_places};
use crate::report::display_text::DisplayText;
use crate::report::table::short_quantity;
use crate::text::thousands;

#[derive(Debug, Default, Serialize)]
pub struct Grid {
    /// The question that it answers, for those who don't see the heading above it.
    pub caption: String,
    pub heads: Vec<GridHead>,
    pub rows: Vec<GridRow>,
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct GridHead {
    pub text: &'static str,
    /// The column's name in files; empty where they have no such column.
    pub column: &'static str,
    /// How its cells are laid out: `n` for a quantity, `name`, `minor` for what a narrow screen does without.
    pub class: &'static str,
}

#[derive(Debug, Serialize)]
pub struct GridRow {
    /// `rest`, `total`, or empty for an ordinary one.
    pub kind: &'static str,
    /// The value that it is of, whole; none of a sum.
    pub key: Option<String>,
    pub cells: Vec<GridCell>,
}

#[derive(Debug, Default, Serialize)]
pub struct GridCell {
    pub text: String,
    /// What the pointer shows: all of a text that was cut, an amount's exact value.
    pub full: Option<String>,
    /// Of an amount: all of its digits; empty where it is unknown.
    pub usd: Option<String>,
    pub under: Option<DisplayText>,
    pub href: Option<String>,
    /// How much of its bar is full, in percent.
    pub bar: Option<String>,
    pub is_foreign: bool,
    pub is_absent: bool,
    pub is_code: bool,
}

impl GridHead {
    pub const fn text(text: &'static str) -> GridHead {
        GridHead::of_class(text, "")
    }

    const fn of_class(text: &'static str, class: &'static str) -> GridHead {
        GridHead {
            text,
            column: "",
            class,
        }
    }

    /// Of a column that files have, too.
    pub const fn of_column(self, column: &'static str) -> GridHead {
        GridHead { column, ..self }
    }

    /// A column of text that may be long.
    pub const fn name(text: &'static str) -> GridHead {
        GridHead::of_class(text, "name")
    }

    /// A column of text that a narrow screen does without.
    pub const fn minor(text: &'static str) -> GridHead {
        GridHead::of_class(text, "minor")
    }

    pub const fn number(text: &'static str) -> GridHead {
        GridHead::of_class(text, "n")
    }

    /// A column of quantities that a narrow screen does without.
    pub const fn minor_number(text: &'static str) -> GridHead {
        GridHead::of_class(text, "n minor")
    }
}

impl GridRow {
    pub fn of(cells: Vec<GridCell>) -> GridRow {
        GridRow::of_kind("", cells)
    }

    fn of_kind(kind: &'static str, cells: Vec<GridCell>) -> GridRow {
        GridRow { kind, key: None, cells }
    }

    /// The same with the value that it is of.
    pub fn of_value(self, key: &str) -> GridRow {
        GridRow {
            key: Some(key.into()),
            ..self
        }
    }

    /// The row of all that isn't shown one by one.
    pub fn rest(cells: Vec<GridCell>) -> GridRow {
        GridRow::of_kind("rest", cells)
    }

    pub fn total(cells: Vec<GridCell>) -> GridRow {
        GridRow::of_kind("total", cells)
    }
}

impl GridCell {
    /// Our own words.
    pub fn words(text: impl Into<String>) -> GridCell {
        GridCell {
            text: text.into(),
            ..GridCell::default()
        }
    }

    pub fn absent(word: &str) -> GridCell {
        GridCell {
            is_absent: true,
            ..GridCell::words(word)
        }
    }

    /// A third party's text.
    pub fn foreign(text: &str) -> GridCell {
        let DisplayText { text, full } = DisplayText::new(text);
        GridCell {
            full,
            is_foreign: true,
            ..GridCell::words(text)
        }
    }

    /// A third party's word, as for a status.
    pub fn word(text: &str) -> GridCell {
        let DisplayText { text, full } = DisplayText::within(text, 24);
        GridCell {
            full,
            is_foreign: true,
            ..GridCell::words(text)
        }
    }

    pub fn code(text: &str) -> GridCell {
        GridCell {
            is_code: true,
            ..GridCell::foreign(text)
        }
    }

    pub fn count(count: u64) -> GridCell {
        GridCell::words(thousands(count))
    }

    pub fn usd(usd: Option<Usd>, absent: &str) -> GridCell {
        match usd {
            None => GridCell {
                usd: Some(String::new()),
                ..GridCell::absent(absent)
            },
            Some(usd) => GridCell {
                full: Some(usd.to_string()),
                usd: Some(usd.to_string()),
                ..GridCell::words(usd.dollars())
            },
        }
    }

    /// An amount of something, to three places; the pointer shows all of them.
    pub fn quantity(quantity: Usd) -> GridCell {
        GridCell {
            full: Some(quantity.to_string()),
            ..GridCell::words(short_quantity(quantity))
        }
    }

    pub fn mean(usd: Option<Ratio>) -> GridCell {
        let text = |text: String| match text.strip_prefix('-') {
            Some(amount) => format!("-${amount}"),
            None => format!("${text}"),
        };
        usd.map_or(GridCell::default(), |usd| GridCell::words(text(usd.to_string())))
    }

    pub fn share(part: Option<Usd>, all: Option<Usd>) -> GridCell {
        let both = part.zip(all);
        let Some(text) = both.and_then(|(part, all)| share_6_places(part, all)?.percent()) else {
            return GridCell::default();
        };
        GridCell {
            bar: both.map(|(part, all)| filled(part, all)),
            ..GridCell::words(text)
        }
    }

    /// Adds a smaller text beneath.
    pub fn over(self, under: Option<&str>) -> GridCell {
        GridCell {
            under: under.map(DisplayText::new),
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
