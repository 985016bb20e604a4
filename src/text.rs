//! Small things that text formats share: counts with separators, third parties' text made harmless, lines wrapped.

/// A count with thousands separators.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// Text that can't steer a terminal or turn a line around: control and bidirectional characters are shown as escapes.
pub fn harmless(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let steers = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}');
        if steers {
            plain.extend(c.escape_unicode())
        } else {
            plain.push(c)
        }
    }
    plain
}

/// The same for a Markdown table's cell.
pub fn harmless_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' => plain.extend(['\\', c]),
            '&' => plain.push_str("&amp;"),
            c => plain.push(c),
        }
    }
    plain
}

/// At most `width` characters; what is cut off is marked.
pub fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.into()
    } else {
        text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    }
}

/// The same words, to be kept on one line by [`labelled`].
pub fn unbroken(words: &str) -> String {
    words.replace(' ', "\u{a0}")
}

/// A label in a column of `indent`, and a text beside it in lines of at most `width`.
pub fn labelled(label: &str, text: &str, indent: usize, width: usize) -> String {
    let mut lines = vec![format!("{label:<indent$}")];
    let mut is_empty = true;
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{:indent$}{word}", ""));
        } else {
            line.push_str(if is_empty { "" } else { " " });
            line.push_str(word);
        }
        is_empty = false;
    }
    lines.join("\n").replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_easy_to_read() {
        assert_eq!(
            [0, 12, 999, 1000, 1234567].map(thousands),
            ["0", "12", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            (counted(1, "run", "runs"), counted(0, "run", "runs")),
            ("1 run".into(), "0 runs".into())
        );
    }

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_done() {
        assert_eq!(harmless("a\u{1b}[31mb\u{202e}c\nd"), "a\\u{1b}[31mb\\u{202e}c\\u{a}d");
        assert_eq!(harmless_markdown("a|b<c>"), "a\\|b\\<c\\>");
    }

    #[test]
    fn lines_are_wrapped_beside_their_label() {
        assert_eq!(
            labelled("Usage", "one two three four", 8, 16),
            "Usage   one two\n        three\n        four"
        );
        assert_eq!(
            labelled("", &format!("one {} four", unbroken("two three")), 0, 12),
            "one\ntwo three\nfour"
        );
    }
}
