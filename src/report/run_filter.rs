//! Which runs a report is of: those of any of some Actors, of any of some statuses, and of any of some groups. Its text is the
//! one of `--where` and of the page's address.

use anyhow::{anyhow, bail};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

use crate::report::groups::Groups;
use crate::runs::cost_state::STATUSES;
use crate::runs::row::{Row, rows_of};
use crate::text::nearest::did_you_mean;

/// What is encoded in a value, so that it is one in a page's address and on a command line.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b',')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'`');

/// The runs that have one of the values of each key that has any; all runs where no key has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunFilter {
    /// Actors' IDs or names.
    actor: FilterValues,
    status: FilterValues,
    group: FilterValues,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct FilterValues {
    values: Vec<String>,
    /// Which of them a run has had.
    #[serde(skip)]
    seen: Vec<bool>,
}

impl RunFilter {
    /// `actor=ID,ID,status=FAILED`, also with `&`. A `%2C` in a value is a comma, as in the address of a page.
    pub fn parse(text: &str) -> anyhow::Result<RunFilter> {
        let mut filter = RunFilter::default();
        let mut key = None;
        for part in text.split([',', '&']).map(str::trim) {
            let value = match part.split_once('=') {
                Some((name, value)) => {
                    key = Some(name.trim());
                    value.trim()
                }
                None => part,
            };
            let Some(key) = key else {
                bail!("expected KEY=VALUE, such as status=FAILED or actor=me/crawler,status=FAILED");
            };
            if value.is_empty() {
                bail!("{key} has no value");
            }
            let value = percent_decode_str(value).decode_utf8();
            let value = value
                .map_err(|_| anyhow!("{key}: the value is not UTF-8"))?
                .into_owned();
            match key {
                "actor" => filter.actor.add(value),
                "status" => filter.status.add(value.to_uppercase()),
                "group" => filter.group.add(value),
                "from" | "to" => bail!("{key} is an option of its own: --from {value} and --to"),
                _ => bail!(
                    "unknown key {key:?}{}; expected actor, status or group (in a value, write , as %2C and = as %3D)",
                    did_you_mean(key, ["actor", "status", "group"])
                ),
            }
        }
        Ok(filter)
    }

    /// The one that several texts make together.
    pub fn all(filters: &[RunFilter]) -> RunFilter {
        let mut all = RunFilter::default();
        for filter in filters {
            filter
                .actor
                .values
                .iter()
                .for_each(|value| all.actor.add(value.clone()));
            filter
                .status
                .values
                .iter()
                .for_each(|value| all.status.add(value.clone()));
            filter
                .group
                .values
                .iter()
                .for_each(|value| all.group.add(value.clone()));
        }
        all
    }

    pub fn is_empty(&self) -> bool {
        self.keys().all(|(_, key)| key.values.is_empty())
    }

    pub fn needs_groups(&self) -> bool {
        !self.group.values.is_empty()
    }

    pub fn matches(&mut self, run: &Row, group: &str) -> bool {
        let actor = self
            .actor
            .has(|value| value == run.act_id || run.act_name == Some(value));
        let status = self.status.has(|value| value == run.status);
        let group = self.group.has(|value| value == group);
        actor && status && group
    }

    /// The rows of a batch that match.
    pub fn select(&mut self, batch: &RecordBatch, rules: &mut Option<Groups>) -> anyhow::Result<RecordBatch> {
        let mut is_wanted = |row: Row| {
            let group = rules.as_mut().map_or("", |rules| rules.group_of(&row));
            self.matches(&row, group)
        };
        let wanted: BooleanArray = rows_of(batch).map(|row| Some(is_wanted(row))).collect();
        Ok(filter_record_batch(batch, &wanted)?)
    }

    /// Values that no run has had, each as a sentence.
    pub fn unmatched(&self) -> Vec<String> {
        let sentence = |(name, key): (&str, &FilterValues)| {
            let unseen = key.values.iter().zip(&key.seen).filter(|(_, seen)| !**seen);
            let near = |value: &str| match name {
                "status" if !STATUSES.contains(&value) => did_you_mean(value, STATUSES),
                _ => String::new(),
            };
            unseen
                .map(|(value, _)| format!("no run has {name}={value}{}", near(value)))
                .collect::<Vec<_>>()
        };
        self.keys().flat_map(sentence).collect()
    }

    fn keys(&self) -> impl Iterator<Item = (&'static str, &FilterValues)> {
        [("actor", &self.actor), ("status", &self.status), ("group", &self.group)].into_iter()
    }

    /// As it was given, `,` between the keys and between the values of each; none where all runs are meant.
    pub fn text(&self) -> Option<String> {
        let keys = self.keys().filter(|(_, key)| !key.values.is_empty());
        let text = |(name, key): (&str, &FilterValues)| {
            let values = key
                .values
                .iter()
                .map(|value| utf8_percent_encode(value, ENCODED).to_string());
            format!("{name}={}", values.collect::<Vec<_>>().join(","))
        };
        let text = keys.map(text).collect::<Vec<_>>().join(",");
        (!text.is_empty()).then_some(text)
    }
}

impl FilterValues {
    fn add(&mut self, value: String) {
        if !self.values.contains(&value) {
            self.values.push(value);
            self.seen.push(false);
        }
    }

    /// Whether one of the values is so; without any, everything is.
    fn has(&mut self, is_so: impl Fn(&str) -> bool) -> bool {
        let at = self.values.iter().position(|value| is_so(value));
        if let Some(at) = at {
            self.seen[at] = true;
        }
        at.is_some() || self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(act_id: &'a str, act_name: Option<&'a str>, status: &'a str) -> Row<'a> {
        Row {
            act_id,
            act_name,
            status,
            ..Row::default()
        }
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_every_key_has_to_match() {
        let mut filter = RunFilter::parse("actor=a1,me/crawler,status=failed,TIMED-OUT&group=Ops%2C EU").unwrap();
        for (run, group, expected) in [
            (row("a1", None, "FAILED"), "Ops, EU", true),
            (row("x", Some("me/crawler"), "TIMED-OUT"), "Ops, EU", true),
            (row("x", Some("me/other"), "FAILED"), "Ops, EU", false),
            (row("a1", None, "SUCCEEDED"), "Ops, EU", false),
            (row("a1", None, "FAILED"), "Ops", false),
        ] {
            assert_eq!(filter.matches(&run, group), expected, "{run:?} {group}");
        }
        assert!(RunFilter::default().matches(&row("a", None, "READY"), ""));
    }

    #[test]
    fn its_text_is_read_back_as_the_same() {
        let texts = ["actor=a", "status=FAILED,READY", "group=100%25 %26 %3D%2C+x"];
        for text in texts.map(String::from).into_iter().chain([texts[..2].join("&")]) {
            let filter = RunFilter::parse(&text).unwrap();
            assert_eq!(RunFilter::parse(&filter.text().unwrap()).unwrap(), filter, "{text}");
        }
        let whole = RunFilter::all(&[
            RunFilter::parse("group=a").unwrap(),
            RunFilter::parse("group=b%26c,a").unwrap(),
        ]);
        assert_eq!(whole.text().as_deref(), Some("group=a,b%26c"));
        assert_eq!(RunFilter::default().text(), None);
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write() {
        for (text, what) in [
            ("", "expected KEY=VALUE"),
            ("FAILED", "expected KEY=VALUE"),
            ("status=", "status has no value"),
            ("actor=a,,b", "actor has no value"),
            ("stauts=FAILED", "did you mean status"),
            ("group=a,b=c", "%3D"),
            ("from=2025-09-01", "--from 2025-09-01"),
            ("group=%ff", "not UTF-8"),
        ] {
            let error = RunFilter::parse(text).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn values_that_no_run_has_are_told() {
        let mut filter = RunFilter::parse("status=FALIED,FAILED,actor=a").unwrap();
        filter.matches(&row("b", None, "FAILED"), "");
        let mut known = RunFilter::parse("status=READY").unwrap();
        known.matches(&row("b", None, "FAILED"), "");
        assert_eq!(known.unmatched(), ["no run has status=READY"]);
        assert_eq!(
            filter.unmatched(),
            ["no run has actor=a", "no run has status=FALIED; did you mean FAILED?"]
        );
    }
}
