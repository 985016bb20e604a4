//! Links of the documents lead to files and headings that exist, and the options that documents name are options of the tool.

use std::collections::BTreeSet;

use super::pages::{anchors, code_spans, documents, links, path, text};
use crate::support::command::{COMMANDS, Place};

/// What is wrong with a link of a document.
fn fault(document: &str, link: &str) -> Option<String> {
    if link.contains(':') {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let target = match file {
        "" => document.to_string(),
        _ if folder.is_empty() => file.to_string(),
        _ => format!("{folder}/{file}"),
    };
    if folder == "docs" && file.contains("..") {
        // The book holds docs/ alone.
        return Some(format!("{document}: {link} leads out of docs/"));
    }
    if !path(&target).exists() {
        return Some(format!("{document}: {link}: no such file"));
    }
    let has_anchor = anchor.is_empty() || target.ends_with(".md") && anchors(&text(&target)).contains(anchor);
    (!has_anchor).then(|| format!("{document}: {link}: no such heading"))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let (mut count, mut faults) = (0, Vec::new());
    for document in documents() {
        for link in links(&text(&document)) {
            count += 1;
            faults.extend(fault(&document, &link));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count > 60, "only {count} links were found");
    for broken in ["nowhere.md", "finance.md#no-such-heading", "../README.md"] {
        assert!(fault("docs/README.md", broken).is_some(), "{broken}");
    }
}

#[test]
fn the_book_has_every_page() {
    let summary = links(&text("docs/SUMMARY.md"));
    for document in documents().iter().filter_map(|name| name.strip_prefix("docs/")) {
        let is_listed = document == "SUMMARY.md" || summary.iter().any(|link| link == document);
        assert!(is_listed, "docs/SUMMARY.md lacks {document}");
    }
}

/// The long options in a text.
fn options(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("--") {
        let is_start = !text[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '-');
        let name: String = text[at + 2..]
            .chars()
            .take_while(|letter| letter.is_ascii_lowercase() || *letter == '-')
            .collect();
        if is_start && name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            found.insert(format!("--{name}"));
        }
    }
    found
}

#[test]
fn every_option_that_documents_name_exists() {
    let place = Place::new();
    let mut known = options("--version");
    for command in COMMANDS {
        let args: Vec<&str> = command.split(' ').chain(["--help-all"]).collect();
        known.extend(options(&place.run(&args).exits(0).stdout));
    }
    let is_ours = |span: &&String| {
        let begins = |word: &&str| span.strip_prefix(*word).is_some_and(|rest| rest.starts_with(' '));
        span.starts_with("--") || ["apify-runs"].iter().chain(&COMMANDS).any(begins)
    };
    // Releasing is mostly done with other tools.
    for document in documents().iter().filter(|name| *name != "docs/releasing.md") {
        let spans = code_spans(&text(document));
        let named: BTreeSet<String> = spans.iter().filter(is_ours).flat_map(|span| options(span)).collect();
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{document} names {unknown:?}");
    }
}
