//! A table as a reader of one format finds it: heads, rows and what is known of a cell beside its text.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// Of one thing, such as an Actor.
    One,
    /// The sum of all that have no row.
    Rest,
    Total,
}

#[derive(Debug, Clone, Default)]
pub struct ReadCell {
    pub text: String,
    /// What the pointer shows.
    pub full: Option<String>,
    /// What stands beneath the text.
    pub under: Option<String>,
    /// The number that the format itself holds.
    pub number: Option<f64>,
}

#[derive(Debug)]
pub struct ReadRow {
    pub kind: RowKind,
    pub cells: Vec<ReadCell>,
}

#[derive(Debug)]
pub struct ReadTable {
    /// By its name in report.json where the format says it, else by its title.
    pub title: String,
    pub heads: Vec<String>,
    pub rows: Vec<ReadRow>,
}

impl ReadCell {
    pub fn of(text: impl Into<String>) -> ReadCell {
        ReadCell {
            text: text.into(),
            ..ReadCell::default()
        }
    }
}

/// What stands between two texts, and what comes after.
pub fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<(&'t str, &'t str)> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end)
}

/// A text as it is without the escapes of HTML and XML.
pub fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    let replace = |text: String, (entity, letter): &(&str, &str)| text.replace(entity, letter);
    entities.iter().fold(text.to_string(), replace)
}
