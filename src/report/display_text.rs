//! Third parties' text for people: what steers or hides is visible, what is long is cut. Escaping of HTML and Markdown is not done
//! here.

use serde::Serialize;

use crate::text::{escape_control, truncate, width};

/// Columns that a text may take.
const WIDTH: usize = 80;
/// Letters of it that are looked at for that: zero-width ones take no column.
const LETTERS: usize = 200;
/// Letters that the whole text may have where the pointer rests on it.
const FULL: usize = 300;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisplayText {
    pub text: String,
    pub full: Option<String>,
}

impl DisplayText {
    pub fn new(text: &str) -> DisplayText {
        DisplayText::within(text, WIDTH)
    }

    pub fn within(text: &str, columns: usize) -> DisplayText {
        let visible = |text: &str| visible(&escape_control(text));
        let beginning: String = visible(&cut(text, LETTERS)).chars().take(LETTERS).collect();
        let mut short = truncate(&beginning, columns);
        let is_cut = short != beginning || text.chars().nth(LETTERS).is_some();
        if is_cut && !short.ends_with('…') {
            short.push('…');
        }
        let full = is_cut.then(|| {
            let rest = if text.chars().nth(FULL).is_some() { "…" } else { "" };
            visible(&cut(text, FULL)).chars().take(2 * FULL).collect::<String>() + rest
        });
        DisplayText { text: short, full }
    }
}

/// A sentence with third parties' words in it: its length is bounded, and it is one line.
pub fn sentence(text: &str) -> String {
    const LONGEST: usize = 1000;
    let mut sentence = visible(&escape_control(&cut(text, LONGEST)));
    if text.chars().nth(LONGEST).is_some() {
        sentence.push('…');
    }
    sentence
}

fn cut(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

/// Letters that show nothing at all, as escapes: two names that differ must look it. Joiners stay where scripts and emoji
/// need them.
fn visible(text: &str) -> String {
    let hides = |c: char| {
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'
            | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
    };
    let all = width(text) == 0;
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) || all {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_and_more_of_it_is_kept_for_the_pointer() {
        let long = "x".repeat(10_000);
        let shown = DisplayText::new(&long);
        assert_eq!(shown.text, "x".repeat(79) + "…");
        assert_eq!(shown.full, Some("x".repeat(300) + "…"));
        assert_eq!(DisplayText::new("ann/b").full, None);
        assert_eq!(sentence(&long).chars().count(), 1001);
    }

    #[test]
    fn what_hides_or_turns_is_shown() {
        assert_eq!(DisplayText::new("a\u{202e}b\nc").text, "a\\u{202e}b\\u{a}c");
        assert_eq!(DisplayText::new("a\u{200b}b").text, "a\\u{200b}b");
        assert_eq!(DisplayText::new("\u{200d}").text, "\\u{200d}");
        assert_eq!(DisplayText::new("👩\u{200d}💻").text, "👩\u{200d}💻");
        let nothing = "\u{300}".repeat(10_000);
        assert!(DisplayText::new(&nothing).text.chars().count() <= 201);
    }
}
