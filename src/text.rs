//! Small things that text formats share: counts with separators, third parties' text escaped, lines wrapped.

pub mod csv_lines;
pub mod nearest;

use std::borrow::Cow;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// A count with thousands separators.
pub fn thousands(count: impl Into<u128>) -> String {
    let digits = count.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// A document as `--json` prints it: indented, a line's end at its end. Its keys must be texts.
pub fn json_document(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).expect("every key is a text") + "\n"
}

/// A URL without user, password and query; any other text as it is.
pub fn redacted(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.into();
    };
    let (rest, query) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..at], "?[redacted]"),
        None => (rest, ""),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host
        .rsplit_once('@')
        .map_or(host.to_owned(), |(_, host)| format!("[redacted]@{host}"));
    format!("{scheme}://{host}{path}{query}")
}

/// Text that can't steer a terminal or turn a line around: control and bidirectional characters are shown as escapes.
pub fn escape_control(text: &str) -> String {
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

/// The same for a Markdown table's cell. GitHub and GitLab take what stands between two dollar signs for mathematics.
pub fn escape_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in escape_control(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '$' => plain.extend(['\\', c]),
            '&' => plain.push_str("&amp;"),
            c => plain.push(c),
        }
    }
    plain
}

/// A third party's text that a spreadsheet won't take for a formula.
pub fn escape_formula(text: &str) -> Cow<'_, str> {
    if is_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Undoes [`escape_formula`].
pub fn unescape_formula(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_formula(text)).unwrap_or(cell)
}

/// Whether a spreadsheet would run a text, or would without its leading apostrophes: so that escaping can be undone. Some take
/// off white space first, and letters that can't be seen; those of East Asia read full-width signs as the others.
fn is_formula(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(is_unseen).starts_with(FORMULA_SIGNS)
}

/// What a formula begins with: in ASCII, full width and small.
const FORMULA_SIGNS: [char; 12] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫'];

fn is_unseen(c: char) -> bool {
    let is_without_width = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_whitespace() || c.is_control() || is_without_width
}

/// [`is_formula`] after an apostrophe as a regular expression of RE2, for engines that load what was escaped.
pub const ESCAPED_FORMULA: &str = "^'+([\\t\\r\\n]|[\\s\\pZ\\x00-\\x1F\\x7F-\\x9F\\x{AD}\\x{34F}\\x{61C}\\x{180E}\\x{200B}-\\x{200F}\\x{202A}-\\x{202E}\\x{2060}-\\x{206F}\\x{FEFF}]*[=+@＝＋－＠﹦﹢﹣﹫-])";

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// At most `columns` of a terminal; an ellipsis stands for what is cut off.
pub fn truncate(text: &str, columns: usize) -> String {
    truncate_with(text, columns, "…")
}

/// The same with an ellipsis of one's own.
pub fn truncate_with(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.into();
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut fitted = String::new();
    for c in text.chars() {
        fitted.push(c);
        if width(&fitted) > room {
            fitted.pop();
            break;
        }
    }
    fitted + ellipsis
}

/// [`truncate`], filled up with spaces.
pub fn pad(text: &str, columns: usize) -> String {
    fill(truncate(text, columns), columns)
}

/// Filled up with spaces to `columns`.
pub fn fill(mut text: String, columns: usize) -> String {
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Words that [`wrap_labelled`] keeps on one line.
pub fn no_break(words: &str) -> String {
    words.replace(' ', "\u{a0}")
}

/// A label in a column of `indent`, and a text beside it in lines of at most `width`.
pub fn wrap_labelled(label: &str, text: &str, indent: usize, width: usize) -> String {
    let mut lines = vec![format!("{label:<indent$}")];
    let mut is_empty = true;
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        if !is_empty && self::width(line) + 1 + self::width(word) > width {
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
            [0u64, 12, 999, 1000, 1234567].map(thousands),
            ["0", "12", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            (counted(1, "run", "runs"), counted(0, "run", "runs")),
            ("1 run".into(), "0 runs".into())
        );
    }

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_done() {
        assert_eq!(
            escape_control("a\u{1b}[31mb\u{202e}c\nd"),
            "a\\u{1b}[31mb\\u{202e}c\\u{a}d"
        );
        assert_eq!(escape_markdown("a|b<c>"), "a\\|b\\<c\\>");
        assert_eq!(escape_markdown("`$x$` \\|"), "\\`\\$x\\$\\` \\\\\\|");
    }

    #[test]
    fn lines_are_wrapped_beside_their_label() {
        assert_eq!(
            wrap_labelled("Usage", "one two three four", 8, 16),
            "Usage   one two\n        three\n        four"
        );
        assert_eq!(
            wrap_labelled("", &format!("one {} four", no_break("two three")), 0, 12),
            "one\ntwo three\nfour"
        );
    }

    #[test]
    fn formulas_are_defused_and_plain_text_is_left_alone() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@x",
            "\tx",
            "\rx",
            " =1",
            "\u{a0}\t +1",
            "\u{200b}-1",
            "\u{feff}@x",
            "\u{3000}＝1",
            "＋1",
            "－1",
            "＠x",
            "\u{0}=1",
        ] {
            assert_eq!(escape_formula(formula), format!("'{formula}"));
        }
        for text in ["Mozilla/5.0 (=)", " a=1", "\u{200b}", " '=1"] {
            assert_eq!(escape_formula(text), text);
        }
        for text in [
            "=1", "'=1", "''=1", " =1", "' =1", " '=1", "'＝1", "'x", " x", "x", "'", "",
        ] {
            assert_eq!(unescape_formula(&escape_formula(text)), text);
        }
        assert_eq!(escape_formula(""), "");
    }

    #[test]
    fn wide_letters_take_the_room_that_a_terminal_gives_them() {
        assert_eq!(truncate("日本語のアクター", 9), "日本語の…");
        assert_eq!(truncate("日本語のアクター", 8), "日本語…");
        assert_eq!((pad("日本", 6), pad("ab", 6)), ("日本  ".into(), "ab    ".into()));
        assert_eq!(pad("abcdefgh", 6), "abcde…");
        assert_eq!(truncate_with("日本語のアクター", 9, "..."), "日本語...");
        assert_eq!(truncate_with("abcdefgh", 8, "..."), "abcdefgh");
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_left_out() {
        let cases = [
            ("https://u:p@h/x?sig=1", "https://[redacted]@h/x?[redacted]"),
            ("s3://bucket/lake", "s3://bucket/lake"),
            ("az://c/lake?sv=1", "az://c/lake?[redacted]"),
            ("exports/{account}", "exports/{account}"),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text), expected);
        }
    }
}
