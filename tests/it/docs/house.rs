//! The source as text: files import each other in one direction, a type's name is defined once, and few errors are mere text.
//! A module and what is below it are kin, whose imports are no circle. Unit tests don't count.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::source::{Source, paths, source, words};

/// At most so many results whose error is a `String`: where a person is the only reader.
const MOST_STRING_ERRORS: usize = 10;

/// The module of ours that a path leads to from another.
fn module_at(source: &Source, from: &str, path: &str) -> Option<String> {
    let here: Vec<&str> = from.split("::").collect();
    let parts: Vec<&str> = path.split("::").collect();
    let ups = parts.iter().take_while(|part| **part == "super").count();
    let full = match parts[0] {
        "crate" => parts[1..].to_vec(),
        "super" => [&here[..here.len().saturating_sub(ups)], &parts[ups..]].concat(),
        "self" => [&here[..], &parts[1..]].concat(),
        child if source.contains_key(&format!("{from}::{child}")) => [here, parts].concat(),
        _ => return None,
    };
    let mut modules = (1..=full.len()).rev().map(|count| full[..count].join("::"));
    modules.find(|module| source.contains_key(module))
}

fn is_kin(one: &str, other: &str) -> bool {
    let is_below = |one: &str, other: &str| format!("{one}::").starts_with(&format!("{other}::"));
    is_below(one, other) || is_below(other, one)
}

/// Modules that can be reached from themselves, and those of their imports that lead back.
fn circles(source: &Source) -> BTreeMap<&str, BTreeSet<String>> {
    let imports: BTreeMap<&str, BTreeSet<String>> = source
        .iter()
        .filter(|(from, _)| !matches!(from.as_str(), "lib" | "main"))
        .map(|(from, text)| {
            let found = paths(text)
                .into_iter()
                .filter_map(|path| module_at(source, from, &path));
            (from.as_str(), found.filter(|module| !is_kin(from, module)).collect())
        })
        .collect();
    let leads = |from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            open.extend(
                imports[module]
                    .iter()
                    .filter(|module| seen.insert(*module))
                    .map(String::as_str),
            );
        }
        seen.iter().any(|module| *module == to)
    };
    let back = |from: &str| {
        imports[from]
            .iter()
            .filter(|module| leads(module, from))
            .cloned()
            .collect()
    };
    let found = imports.keys().map(|from| (*from, back(from)));
    found
        .filter(|(_, modules): &(_, BTreeSet<_>)| !modules.is_empty())
        .collect()
}

#[test]
fn files_import_each_other_in_one_direction() {
    let example = |text: &str| {
        let texts = [
            ("a", "use crate::b::{c::D, e};"),
            ("a::x", "use super::A;"),
            ("b::c", text),
        ];
        let source = texts.map(|(name, text)| (name.into(), text.into())).into();
        circles(&source).len()
    };
    assert_eq!(example("fn f() { super::super::a::g() }"), 2);
    assert_eq!(example("use crate::a::x::g;"), 0);
    let source = source();
    let found = circles(&source);
    assert!(found.is_empty(), "circles of imports: {found:#?}");
}

#[test]
fn a_type_s_name_is_defined_once() {
    let source = source();
    let mut defined = BTreeMap::<String, BTreeSet<&String>>::new();
    for (module, text) in &source {
        let words: Vec<&str> = words(text).map(|(_, word)| word).collect();
        for pair in words.windows(2) {
            let is_definition = matches!(pair[0], "struct" | "enum" | "trait" | "union");
            if is_definition && pair[1].starts_with(char::is_uppercase) {
                defined.entry(pair[1].to_string()).or_default().insert(module);
            }
        }
    }
    defined.retain(|_, modules| modules.len() > 1);
    assert!(
        defined.is_empty(),
        "names that are defined more than once: {defined:#?}"
    );
}

#[test]
fn errors_that_are_mere_text_are_few() {
    let count = |text: &String| text.split("Result<").filter(|rest| is_string_last(rest)).count();
    let mut found: BTreeMap<_, _> = source().into_iter().map(|(name, text)| (name, count(&text))).collect();
    found.retain(|_, count| *count > 0);
    let sum: usize = found.values().sum();
    assert!(sum <= MOST_STRING_ERRORS, "{sum} times Result<_, String>: {found:#?}");
}

/// Whether `T, String>` follows, for any T.
fn is_string_last(text: &str) -> bool {
    let (mut depth, mut last) = (0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' if depth == 0 => return last > 0 && text[last..at].trim() == "String",
            '>' if text[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => last = at + 1,
            ';' | '{' => return false,
            _ => {}
        }
    }
    false
}
