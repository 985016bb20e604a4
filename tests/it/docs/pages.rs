//! The documents as text: their blocks, headings and links. It reads Markdown as this project writes it and is no parser for
//! all of Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the documents are.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A document's text.
pub fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// README and the pages under docs/, by name.
pub fn documents() -> Vec<String> {
    let pages = crate::support::command::names(&path("docs")).into_iter();
    let pages = pages
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"));
    ["README.md".to_string()].into_iter().chain(pages).collect()
}

/// Whether documents are to be written anew.
pub fn is_update() -> bool {
    env::var_os("UPDATE_DOCS").is_some()
}

/// A document is what was made for it; with `UPDATE_DOCS=1` it is written first.
#[track_caller]
pub fn assert_made(name: &str, made: &str) {
    if is_update() {
        fs::write(path(name), made).unwrap();
    }
    let found = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(found == made, "{name} is stale: UPDATE_DOCS=1 writes it anew");
}

/// The fenced block after a marker, without its fences.
pub fn block_after<'a>(text: &'a str, marker: &str) -> &'a str {
    let (_, rest) = text.split_once(marker).unwrap_or_else(|| panic!("no {marker}"));
    let (_, rest) = rest.split_once("```").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("\n```").unwrap().0
}

/// What stands between two marks, each of which a document has once.
pub fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    for mark in [start, end] {
        assert_eq!(text.matches(mark).count(), 1, "{mark}");
    }
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end)
        .unwrap_or_else(|| panic!("{end} stands before {start}"))
        .0
}

/// A document without its fenced blocks and comments.
pub fn prose(text: &str) -> String {
    let (mut kept, mut is_fenced) = (String::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced && !line.starts_with("<!--") {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// The texts between backticks, without those of fenced blocks.
pub fn code_spans(text: &str) -> Vec<String> {
    let prose = prose(text);
    prose.split('`').skip(1).step_by(2).map(String::from).collect()
}

/// The anchors that GitHub and mdBook make from headings.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let (mut found, mut counts) = (BTreeSet::new(), BTreeMap::<String, u32>::new());
    for line in prose(text).lines().filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let is_kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        let slug = heading.chars().filter(is_kept).collect::<String>().replace(' ', "-");
        let count = counts.entry(slug.clone()).or_default();
        found.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    found
}

/// The targets of links and pictures.
pub fn links(text: &str) -> Vec<String> {
    // A link in a code span is none.
    let prose = prose(text);
    let prose: String = prose.split('`').step_by(2).collect();
    let after = |opening: &str, closing: char| -> Vec<String> {
        let rests = prose.split(opening).skip(1);
        rests
            .filter_map(|rest| Some(rest.split_once(closing)?.0.to_string()))
            .collect()
    };
    [after("](", ')'), after("src=\"", '"'), after("srcset=\"", '"')].concat()
}
