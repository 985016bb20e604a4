//! On which line of a CSV text a record begins, for messages. Holds no reader.

/// Counts lines on the way through a text: counted from its beginning for each of many records, they take minutes.
pub struct LineCounter<'t> {
    text: &'t str,
    /// How many bytes of it have been counted.
    counted: usize,
    lines: usize,
}

impl LineCounter<'_> {
    pub fn new(text: &str) -> LineCounter<'_> {
        LineCounter {
            text,
            counted: 0,
            lines: 0,
        }
    }

    /// The line on which a record begins, of records in their order; the reader's own is that of the empty lines before it.
    pub fn line_of(&mut self, position: &csv::Position) -> usize {
        let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let passed = self.text.get(self.counted..start).unwrap_or_default();
        self.lines += passed.matches('\n').count();
        self.counted += passed.len();
        let after = self.text.get(self.counted..).unwrap_or_default();
        let empty = after.chars().take_while(|c| matches!(c, '\r' | '\n'));
        1 + self.lines + empty.filter(|c| *c == '\n').count()
    }
}
