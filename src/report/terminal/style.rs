//! How text is drawn, and how wide its lines are. What it says is not known here.

use crate::provenance::Source;
use crate::text::{fill, truncate_with, wrap_labelled};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStyle {
    /// No escape sequences, and ASCII for all but names.
    Ascii,
    /// No escape sequences.
    Plain,
    Bold,
    /// Bold letters, and links to Apify Console.
    Linked,
}

impl TextStyle {
    pub(in crate::report) fn bold(self, text: &str) -> String {
        match self {
            TextStyle::Ascii | TextStyle::Plain => text.into(),
            TextStyle::Bold | TextStyle::Linked => format!("\u{1b}[1m{text}\u{1b}[0m"),
        }
    }

    /// The same without links where runs are made up: Apify Console doesn't have them.
    pub(in crate::report) fn of(self, source: Source) -> TextStyle {
        match (self, source) {
            (TextStyle::Linked, Source::Demo) => TextStyle::Bold,
            _ => self,
        }
    }

    /// A text that opens an address, as <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda> describes it. Its
    /// bytes are no columns: widths are measured before.
    pub(super) fn link(self, text: &str, url: &str) -> String {
        if self == TextStyle::Linked {
            format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
        } else {
            text.into()
        }
    }

    /// A line that begins with a name, or as much of it as fits: that part opens an address.
    pub(in crate::report) fn link_start(self, line: &str, name: &str, url: &str) -> String {
        let same = line.chars().zip(name.chars()).take_while(|(one, other)| one == other);
        let mut end = same.map(|(letter, _)| letter.len_utf8()).sum();
        if line[end..].starts_with('…') {
            end += '…'.len_utf8();
        }
        self.link(&line[..end], url) + &line[end..]
    }

    fn ellipsis(self) -> &'static str {
        if self == TextStyle::Ascii { "..." } else { "…" }
    }

    /// What stands between the parts of a list.
    pub(super) fn separator(self) -> &'static str {
        if self == TextStyle::Ascii { ", " } else { " · " }
    }

    /// A text with the dashes, ellipses, arrows and factors of this style, also in a name that it has.
    pub fn letters(self, text: &str) -> String {
        match self {
            TextStyle::Ascii => {
                let text = text.replace('–', "-").replace('×', "x").replace('→', "->");
                text.replace('…', self.ellipsis()).replace(" · ", self.separator())
            }
            _ => text.into(),
        }
    }
}

/// Lines of so many columns, drawn in a style.
#[derive(Debug, Clone, Copy)]
pub struct TextLayout {
    pub width: usize,
    pub style: TextStyle,
}

impl TextLayout {
    /// A label in a column of `indent`, and a sentence beside it in as many lines as it takes.
    pub(super) fn wrap(self, label: &str, sentence: &str, indent: usize) -> String {
        wrap_labelled(label, &self.style.letters(sentence), indent, self.width)
    }

    /// At most `columns` of a text.
    pub(super) fn cut(self, text: &str, columns: usize) -> String {
        truncate_with(text, columns, self.style.ellipsis())
    }

    /// The same filled up with spaces.
    pub(super) fn pad(self, text: &str, columns: usize) -> String {
        fill(self.cut(text, columns), columns)
    }

    /// A line that is no wider than all lines may be.
    pub(in crate::report) fn fit(self, line: &str) -> String {
        self.cut(line, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text as a terminal shows it.
    fn shown(text: &str) -> String {
        let parts = text.split("\u{1b}]8;;").enumerate();
        parts
            .map(|(at, part)| {
                if at == 0 {
                    part
                } else {
                    part.split_once("\u{1b}\\").unwrap().1
                }
            })
            .collect()
    }

    #[test]
    fn a_link_changes_nothing_that_is_shown() {
        for (line, name, linked) in [
            ("apify/web-scraper    12", "apify/web-scraper", "apify/web-scraper"),
            ("日本語の…  12", "日本語のアクター", "日本語の…"),
            ("ab 12", "ab 1", "ab 1"),
        ] {
            let found = TextStyle::Linked.link_start(line, name, "https://h/x");
            assert_eq!(shown(&found), line);
            let expected = format!("\u{1b}]8;;https://h/x\u{1b}\\{linked}\u{1b}]8;;");
            assert!(found.starts_with(&expected), "{found:?}");
            assert_eq!(TextStyle::Bold.link_start(line, name, "https://h/x"), line);
        }
    }

    #[test]
    fn made_up_runs_have_no_links() {
        assert_eq!(TextStyle::Linked.of(Source::Demo), TextStyle::Bold);
        assert_eq!(TextStyle::Linked.of(Source::Api), TextStyle::Linked);
        assert_eq!(TextStyle::Plain.of(Source::Demo), TextStyle::Plain);
    }

    #[test]
    fn drawing_in_ascii_keeps_the_letters_of_names() {
        let ascii = TextLayout {
            width: 20,
            style: TextStyle::Ascii,
        };
        assert_eq!(ascii.wrap("", "1–30 September…", 0), "1-30 September...");
        assert_eq!(ascii.pad("čeština/žluťoučký", 12), "čeština/ž...");
        assert_eq!(ascii.fit("abc"), "abc");
    }
}
