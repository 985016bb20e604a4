//! The source of the crate as text: its modules without unit tests, comments and literals, their words, and what they import.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A module's path, such as `report::html`, to its text without unit tests, comments and literals.
pub type Source = BTreeMap<String, String>;

/// The crate's.
pub fn source() -> Source {
    let mut found = Source::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    found
}

fn read(folder: &Path, above: &str, found: &mut Source) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = format!("{above}::{name}").trim_start_matches("::").to_string();
        if path.is_dir() {
            read(&path, &module, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !name.ends_with("tests") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let module = if name == "mod" { above.into() } else { module };
            found.insert(module, without_literals(text));
        }
    }
}

fn without_literals(mut text: &str) -> String {
    let mut found = String::new();
    while let Some(first) = text.chars().next() {
        let literal = literal(text, found.ends_with(is_in_a_name));
        found.push(if literal.is_some() { ' ' } else { first });
        text = &text[literal.unwrap_or(first.len_utf8())..];
    }
    found
}

/// The length of the comment, string or character that begins here.
fn literal(text: &str, follows_a_name: bool) -> Option<usize> {
    if text.starts_with("//") {
        return text.find('\n');
    }
    let raw = text.strip_prefix('r').filter(|_| !follows_a_name);
    if let Some((hashes, rest)) = raw.and_then(|rest| rest.split_once('"'))
        && hashes.chars().all(|letter| letter == '#')
    {
        let end = format!("\"{hashes}");
        return Some(text.len() - rest.len() + rest.find(&end)? + end.len());
    }
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    // What is no character is a lifetime.
    if quote == '\'' && !text[1..].starts_with('\\') && text.chars().nth(2) != Some(quote) {
        return None;
    }
    let mut is_escaped = false;
    let ends = |letter: char| {
        let ends = letter == quote && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    };
    Some(text[1..].find(ends)? + 2)
}

fn is_in_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Words and where they begin.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let words = text
        .split(|letter| !is_in_a_name(letter))
        .filter(|word| !word.is_empty());
    words.map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Every path that a text imports, or names from `crate`, `super` or `self` on.
pub fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in words(text) {
        if let Some(imports) = text[at..].strip_prefix("use ") {
            expand("", imports.split(';').next().unwrap(), &mut found);
        } else if matches!(word, "crate" | "super" | "self") {
            let path = text[at..].split(|letter| !is_in_a_name(letter) && letter != ':').next();
            found.push(path.unwrap().trim_end_matches(':').into());
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(above: &str, import: &str, found: &mut Vec<String>) {
    let Some((path, group)) = import.split_once('{') else {
        return found.push(format!("{above}{}", import.split(" as ").next().unwrap().trim()));
    };
    let (above, mut depth) = (format!("{above}{}", path.trim()), 0);
    let parts = group.trim_end().strip_suffix('}').unwrap().split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts.for_each(|part| expand(&above, part, found));
}
