//! A run as the list has it, read back from its JSON: what else is said of it follows from that. The client's reader of runs
//! is another, deliberately: neither can hide the other's mistakes.

use std::ops::Range;

use super::actor::Actor;
use crate::period::{Millis, parse_instant};

/// A run of the list, with what its detail and its spending are worked out from.
pub(super) struct MadeUpRun<'a> {
    pub(super) row: MadeUpRow<'a>,
    /// Which of the account's it is, for what chance says of it.
    pub(super) number: usize,
    pub(super) start: Millis,
    pub(super) actor: &'a Actor,
    pub(super) seed: u64,
}

pub(super) struct MadeUpRow<'a> {
    /// The whole object.
    pub(super) text: &'a str,
    pub(super) act_id: &'a str,
    pub(super) status: &'a str,
    pub(super) finished: Option<Millis>,
    /// As it is written; `null` too.
    pub(super) cost: Option<&'a str>,
    cost_member: Range<usize>,
}

impl<'a> MadeUpRow<'a> {
    /// Reads a row, with or without the comma after it. The places of its members are those that are written.
    pub(super) fn read(json: &'a [u8]) -> MadeUpRow<'a> {
        let text = std::str::from_utf8(json).expect("rows are written as text");
        let text = text.strip_suffix(',').unwrap_or(text);
        let cost = member(text, "usageTotalUsd");
        MadeUpRow {
            text,
            act_id: string(text, "actId").unwrap_or_default(),
            status: string(text, "status").unwrap_or_default(),
            finished: string(text, "finishedAt").and_then(parse_instant),
            cost: cost.clone().map(|(_, value)| &text[value]),
            cost_member: cost.map_or(0..0, |(whole, _)| whole),
        }
    }

    /// Whether it has a member; only for names that no other text has in it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.text.contains(&format!(r#","{name}":"#))
    }

    pub(super) fn string(&self, name: &str) -> &'a str {
        string(self.text, name).unwrap_or_default()
    }

    /// The object without its cost and its closing brace.
    pub(super) fn open(&self) -> String {
        let (before, after) = (&self.text[..self.cost_member.start], &self.text[self.cost_member.end..]);
        [before, &after[..after.len() - 1]].concat()
    }
}

/// Where `,"name":value` is, and the value in it; values end at the next member, or with the object.
fn member(text: &str, name: &str) -> Option<(Range<usize>, Range<usize>)> {
    let key = format!(r#","{name}":"#);
    let start = text.find(&key)?;
    let value = start + key.len();
    let end = text[value..]
        .find(",\"")
        .map_or(text.len() - 1, |length| value + length);
    Some((start..end, value..end))
}

fn string<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = member(text, name)?;
    text[value].strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_back_and_opened_for_more() {
        let row = MadeUpRow::read(
            br#"{"id":"r","actId":"a","status":"FAILED","finishedAt":"2025-09-01T00:00:00.001Z","meta":{"userAgent":"\",x"},"usageTotalUsd":1e-7,"defaultDatasetId":"d"},"#,
        );
        assert_eq!((row.act_id, row.status, row.cost), ("a", "FAILED", Some("1e-7")));
        assert_eq!(row.finished, Some(1_756_684_800_001));
        assert_eq!((row.string("defaultDatasetId"), row.has("userId")), ("d", false));
        assert!(
            row.open().ends_with(r#""\",x"},"defaultDatasetId":"d""#),
            "{}",
            row.open()
        );
    }

    #[test]
    fn what_is_absent_or_null_stays_so() {
        let row = MadeUpRow::read(br#"{"id":"r","actId":"a","status":"RUNNING","finishedAt":null}"#);
        assert_eq!((row.finished, row.cost), (None, None));
        assert_eq!(row.open() + "}", row.text);
    }
}
