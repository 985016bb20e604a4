//! What a lake knows of itself: whose runs, which periods are proven, which months were closed, what each month holds. It
//! stands in a property of the table, which checkpoints keep; a commit's info alone would go with the clean-up of the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lake::month_sums::MonthSums;
use crate::money::Usd;
use crate::period::{Millis, instant_text, spans_text};
use crate::provenance::{Account, Source};

pub const PROPERTY: &str = "apify-runs.lake";
/// Of the document; a later one is refused.
pub const SHAPE: u32 = 1;

/// The document in the table's property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeState {
    pub shape: u32,
    pub tool_version: String,
    pub account: Option<Account>,
    pub source: Source,
    /// The start of the sync that wrote it last, by the API's clock.
    #[serde(rename = "synced_at", with = "instant_text")]
    pub synced_at_ms: Millis,
    /// For how many days Apify keeps runs, by the last sync that got an answer.
    #[serde(default)]
    pub retention_days: Option<u64>,
    /// Periods all of whose runs were received: `[from, to)`, in order and disjoint.
    #[serde(with = "spans_text")]
    pub proven: Vec<(Millis, Millis)>,
    /// The first instant that a sync ever proved: what is not proven after it is a gap.
    #[serde(default, with = "instant_text::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closings: BTreeMap<String, Closing>,
    /// The table's version that this state came with; `None` where an older version of apify-runs wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Runs and sums of the table after that commit, by UTC month.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub months: BTreeMap<String, MonthSums>,
    /// The store's address at which conditional puts were proven to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_endpoint: Option<String>,
}

/// A month that was published, and what has happened to it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// `[from, to)`, by the zone it was closed in.
    #[serde(with = "instant_text")]
    pub from: Millis,
    #[serde(with = "instant_text")]
    pub to: Millis,
    #[serde(with = "instant_text")]
    pub closed_at: Millis,
    /// The table's version that was published.
    pub table_version: u64,
    /// SHA-256 of the export's manifest.json, in hexadecimal.
    pub manifest_sha256: String,
    pub runs: u64,
    /// Its usage then, exact; `None` where no cost was known.
    pub usage_total_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Corrections>,
    /// When files of it were set aside as damaged for the last time.
    #[serde(default, with = "instant_text::option", skip_serializing_if = "Option::is_none")]
    pub damaged_at: Option<Millis>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    pub runs_new: u64,
    /// Times that a run changed.
    pub runs_changed: u64,
    /// By how much its usage moved, exact.
    pub usage_moved_usd: Usd,
    #[serde(with = "instant_text")]
    pub last_at: Millis,
}

/// Why a property can't be read: a later version wrote it, or a field is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateError {
    Newer(String),
    Invalid(String),
}

impl Corrections {
    pub fn add(&mut self, new: u64, changed: u64, moved: Usd, at: Millis) {
        self.runs_new += new;
        self.runs_changed += changed;
        self.usage_moved_usd = self.usage_moved_usd.saturating_add(moved);
        self.last_at = at;
    }
}

impl LakeState {
    /// The state of a new lake.
    pub fn new(account: Option<Account>, source: Source, synced_at_ms: Millis) -> LakeState {
        LakeState {
            shape: SHAPE,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            account,
            source,
            synced_at_ms,
            retention_days: None,
            proven: Vec::new(),
            since: None,
            closings: BTreeMap::new(),
            version: None,
            commit: None,
            months: BTreeMap::new(),
            proven_endpoint: None,
        }
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are text")
    }

    /// The error names the field and its value.
    pub fn parse(text: &str) -> Result<LakeState, StateError> {
        #[derive(Deserialize)]
        struct Shaped {
            shape: u32,
            tool_version: String,
        }
        let invalid = |path: &str, why: &str| match path {
            "." => StateError::Invalid(format!("its property {PROPERTY}: {why}")),
            field => StateError::Invalid(format!("its property {PROPERTY}, field {field}: {why}")),
        };
        let shaped: Shaped = serde_json::from_str(text).map_err(|error| invalid(".", &error.to_string()))?;
        if shaped.shape > SHAPE {
            return Err(StateError::Newer(format!(
                "it was written by apify-runs {}, whose lakes have format {}; this version knows {SHAPE}: use that version or a \
                 later one",
                shaped.tool_version, shaped.shape
            )));
        }
        let state: LakeState = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
            .map_err(|error| invalid(&error.path().to_string(), &error.inner().to_string()))?;
        for (name, closing) in &state.closings {
            if closing.from >= closing.to {
                return Err(invalid(&format!("closings.{name}"), "it ends before it begins"));
            }
        }
        if united(state.proven.clone()) != state.proven {
            return Err(invalid("proven", "its periods overlap or are not in order"));
        }
        Ok(state)
    }

    pub fn proven_until(&self) -> Option<Millis> {
        self.proven.last().map(|(_, to)| *to)
    }

    pub fn begins(&self) -> Option<Millis> {
        let first = self.proven.first().map(|(from, _)| *from);
        self.since.into_iter().chain(first).min()
    }

    pub fn prove(&mut self, from: Millis, to: Millis) {
        self.proven.push((from, to));
        self.proven = united(std::mem::take(&mut self.proven));
        self.since = self.begins();
    }

    /// Takes a period out of what is proven: syncs ask for it again, as far as Apify still has it.
    pub fn unprove(&mut self, from: Millis, to: Millis) {
        self.since = self.begins();
        let parts = std::mem::take(&mut self.proven).into_iter();
        self.proven = united(parts.flat_map(|(a, b)| [(a, b.min(from)), (a.max(to), b)]).collect());
    }

    /// The parts of a period that no sync has proven.
    pub fn unproven(&self, from: Millis, to: Millis) -> Vec<(Millis, Millis)> {
        let mut parts = Vec::new();
        let mut at = from;
        for (proven_from, proven_to) in &self.proven {
            if at < (*proven_from).min(to) {
                parts.push((at, (*proven_from).min(to)));
            }
            at = at.max(*proven_to);
        }
        if at < to {
            parts.push((at, to));
        }
        parts
    }
}

/// Periods in order, those that touch or overlap made one; empty ones left out.
pub fn united(mut periods: Vec<(Millis, Millis)>) -> Vec<(Millis, Millis)> {
    periods.retain(|(from, to)| from < to);
    periods.sort_unstable();
    let mut united: Vec<(Millis, Millis)> = Vec::with_capacity(periods.len());
    for (from, to) in periods {
        match united.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => united.push((from, to)),
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> LakeState {
        LakeState::new(None, Source::Api, 1_759_471_200_000)
    }

    #[test]
    fn proven_periods_grow_together_and_gaps_stay() {
        let mut state = state();
        state.prove(0, 10);
        state.prove(20, 30);
        assert_eq!(state.proven, [(0, 10), (20, 30)]);
        assert_eq!(state.unproven(-5, 40), [(-5, 0), (10, 20), (30, 40)]);
        assert_eq!(state.unproven(2, 9), []);
        assert_eq!(state.unproven(12, 15), [(12, 15)]);
        state.prove(10, 20);
        assert_eq!((state.proven.clone(), state.proven_until()), (vec![(0, 30)], Some(30)));
        assert_eq!(state.unproven(0, 30), []);
    }

    #[test]
    fn what_is_taken_out_of_the_proof_is_a_gap_wherever_it_lies() {
        for (from, to) in [(0, 3), (4, 6), (7, 10), (0, 10)] {
            let mut state = state();
            state.prove(0, 10);
            state.unprove(from, to);
            assert_eq!(state.begins(), Some(0));
            assert_eq!(state.unproven(0, 10), [(from, to)]);
        }
    }

    #[test]
    fn a_document_comes_back_and_a_newer_one_is_refused_with_words() {
        let mut state = state();
        state.prove(0, 86_400_000);
        assert_eq!(LakeState::parse(&state.to_json()).unwrap(), state);
        let newer = r#"{"shape":2,"tool_version":"9.1.0","something":"else"}"#;
        let Err(StateError::Newer(why)) = LakeState::parse(newer) else {
            panic!("it is of another shape");
        };
        assert!(why.contains("9.1.0") && why.contains("format 2"), "{why}");
        assert!(matches!(LakeState::parse("{}"), Err(StateError::Invalid(_))));
    }

    #[test]
    fn an_unreadable_value_is_named_with_its_field() {
        let mut state = state();
        state.prove(0, 86_400_000);
        state.closings.insert(
            "2025-09".into(),
            Closing {
                from: 0,
                to: 86_400_000,
                closed_at: 86_400_000,
                table_version: 3,
                manifest_sha256: String::new(),
                runs: 2,
                usage_total_usd: Some(Usd(5)),
                corrections: Some(Corrections::default()),
                damaged_at: None,
            },
        );
        let text = state.to_json();
        assert_eq!(LakeState::parse(&text).unwrap(), state);
        for (was, is, field) in [
            ("0.000000000000000005", "5 dollars", "closings.2025-09.usage_total_usd"),
            (
                r#""usage_moved_usd":"0""#,
                r#""usage_moved_usd":"1e3""#,
                "closings.2025-09.corrections.usage_moved_usd",
            ),
            (
                r#""from":"1970-01-01T00:00:00.000Z""#,
                r#""from":"1970-13-01""#,
                "closings.2025-09.from",
            ),
            (
                r#""to":"1970-01-02T00:00:00.000Z""#,
                r#""to":"1969-12-31T00:00:00.000Z""#,
                "closings.2025-09",
            ),
            (
                r#"["1970-01-01T00:00:00.000Z""#,
                r#"["1970-19-01T00:00:00.000Z""#,
                "proven",
            ),
            (r#""synced_at":"2025"#, r#""synced_at":"x2025"#, "synced_at"),
        ] {
            assert!(text.contains(was), "{was}: {text}");
            let Err(StateError::Invalid(why)) = LakeState::parse(&text.replace(was, is)) else {
                panic!("{is} is not refused");
            };
            assert!(why.contains(&format!("field {field}")), "{why}");
        }
    }

    #[test]
    fn corrections_add_up_exactly() {
        let mut corrections = Corrections::default();
        corrections.add(1, 2, Usd(300_000_000_000_000_000), 1);
        corrections.add(0, 1, Usd(-100_000_000_000_000_000), 2);
        assert_eq!((corrections.runs_new, corrections.runs_changed), (1, 3));
        assert_eq!(
            (corrections.usage_moved_usd.to_string().as_str(), corrections.last_at),
            ("0.2", 2)
        );
    }
}
