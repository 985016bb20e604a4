//! The rules of `--groups`, as the file has them and as a manifest keeps them.

use super::{has_place, text_of};
use crate::provenance::GroupRule;
use crate::report::groups::{Groups, separator_of};

/// A file of rules. The place of a refusal is the line, the column, or the header that is expected; a rule that no run matches has
/// its line.
pub fn groups(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    let groups = match Groups::parse(text) {
        Ok(groups) => groups,
        Err(refusal) => {
            has_place(
                &refusal.to_string(),
                &["line ", "column ", "expected CSV with a header"],
            );
            return;
        }
    };
    let rules: Vec<GroupRule> = groups.rules().cloned().collect();
    let json = serde_json::to_string(&rules).expect("rules are texts");
    assert_eq!(
        serde_json::from_str::<Vec<GroupRule>>(&json).ok().as_ref(),
        Some(&rules)
    );
    let again = Groups::parse(&written(&rules)).expect("what is written can be read");
    assert!(again.rules().eq(&rules));
    for (place, rule) in groups.unmatched().first.iter().zip(&rules) {
        line_holds(text, place, rule);
    }
}

/// The rules as a CSV file.
fn written(rules: &[GroupRule]) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["actor", "task", "user", "account", "group"])
        .expect("memory takes it");
    for rule in rules {
        let patterns = [&rule.actor, &rule.task, &rule.user, &rule.account];
        let cells = patterns.map(|pattern| pattern.as_deref().unwrap_or_default());
        csv.write_record(cells.iter().chain([&rule.group.as_str()]))
            .expect("memory takes it");
    }
    String::from_utf8(csv.into_inner().expect("memory takes it")).expect("texts are UTF-8")
}

/// The record that begins on the line has the rule's group. A carriage return alone ends a record too, but no line.
fn line_holds(text: &str, place: &str, rule: &GroupRule) {
    if text.replace("\r\n", "\n").contains('\r') {
        return;
    }
    let line = place.strip_prefix("line ").and_then(|rest| rest.split(' ').next());
    let line: usize = line.and_then(|line| line.parse().ok()).expect("the place is a line");
    let rest: String = text.split_inclusive('\n').skip(line - 1).collect();
    // One of these at its beginning is for the reader: another one is a cell's.
    let rest = format!("\u{feff}{rest}");
    let mut csv = csv::ReaderBuilder::new();
    csv.delimiter(separator_of(text.trim_start_matches('\u{feff}')))
        .flexible(true)
        .has_headers(false)
        .trim(csv::Trim::All);
    let record = csv.from_reader(rest.as_bytes()).records().next();
    let record = record.and_then(Result::ok).unwrap_or_default();
    assert!(
        record.iter().any(|cell| cell == rule.group),
        "{place}: {record:?}, not {rule:?}"
    );
}
