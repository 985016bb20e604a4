//! What a lake knows of itself: whose runs, which periods are proven, which months were closed. It stands in a property of
//! the table, which checkpoints keep; a commit's info alone would go with the clean-up of the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::period::{Millis, format_instant, parse_instant};
use crate::statement::{Account, Source};

/// The property's name.
pub const PROPERTY: &str = "apify-runs.lake";
/// The version of a lake's shape.
pub const SHAPE: u32 = 1;

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`SHAPE`].
    pub shape: u32,
    /// The version of apify-runs that wrote it last.
    pub tool_version: String,
    /// Whose runs, where the API said so.
    pub account: Option<Account>,
    /// Where they came from.
    pub source: Source,
    /// The start of the sync that wrote it last, by the API's clock.
    pub synced_at: String,
    /// For how many days Apify keeps runs, as the last sync that was told knew.
    #[serde(default)]
    pub retention_days: Option<u64>,
    /// Periods all of whose runs were received: `[from, to)`, in order and disjoint.
    pub proven: Vec<(String, String)>,
    /// Months that were closed, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closings: BTreeMap<String, Closing>,
}

/// A month that was published, and what has happened to it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Its first millisecond, by the zone it was closed in.
    pub from: String,
    /// The first millisecond after it.
    pub to: String,
    /// When it was closed.
    pub closed_at: String,
    /// The table's version that was published.
    pub table_version: u64,
    /// SHA-256 of the export's manifest.json, in hexadecimal.
    pub manifest_sha256: String,
    /// Its runs then.
    pub runs: u64,
    /// Its usage then, in US dollars, exact; null where no cost was known.
    pub usage_total_usd: Option<String>,
    /// What changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Corrections>,
}

/// Later changes to a closed month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    /// Runs that came later.
    pub runs_new: u64,
    /// Times that a run changed.
    pub runs_changed: u64,
    /// By how many US dollars its usage moved, exact.
    pub usage_moved_usd: String,
    /// When the last of them came.
    pub last_at: String,
}

impl Corrections {
    /// Adds what a sync changed.
    pub fn add(&mut self, new: u64, changed: u64, moved: Usd, at: &str) {
        let before = Usd::parse_plain(&self.usage_moved_usd).unwrap_or(Usd(0));
        self.runs_new += new;
        self.runs_changed += changed;
        self.usage_moved_usd = Usd(before.0.saturating_add(moved.0)).to_string();
        self.last_at = at.into();
    }
}

impl State {
    /// Of a lake that is about to begin.
    pub fn new(account: Option<Account>, source: Source, synced_at_ms: Millis) -> State {
        State {
            shape: SHAPE,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            account,
            source,
            synced_at: format_instant(synced_at_ms),
            retention_days: None,
            proven: Vec::new(),
            closings: BTreeMap::new(),
        }
    }

    /// The document as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are text")
    }

    /// Reads it; the error says why it is none of this version's.
    pub fn parse(text: &str) -> Result<State, String> {
        #[derive(Deserialize)]
        struct Shaped {
            shape: u32,
            tool_version: String,
        }
        let shaped: Shaped = serde_json::from_str(text).map_err(|error| format!("its property {PROPERTY}: {error}"))?;
        if shaped.shape > SHAPE {
            return Err(format!(
                "it was written by apify-runs {}, whose lakes have shape {}; this version knows {SHAPE}: use that version or a \
                 later one",
                shaped.tool_version, shaped.shape
            ));
        }
        let state: State = serde_json::from_str(text).map_err(|error| format!("its property {PROPERTY}: {error}"))?;
        let makes_sense = parse_instant(&state.synced_at).is_some() && state.proven_ms().len() == state.proven.len();
        makes_sense
            .then_some(state)
            .ok_or_else(|| format!("its property {PROPERTY} makes no sense"))
    }

    /// When the sync that wrote it began.
    pub fn synced_at_ms(&self) -> Millis {
        parse_instant(&self.synced_at).unwrap_or_default()
    }

    /// The proven periods, in order.
    pub fn proven_ms(&self) -> Vec<(Millis, Millis)> {
        let parsed = self
            .proven
            .iter()
            .map(|(from, to)| parse_instant(from).zip(parse_instant(to)));
        parsed.flatten().filter(|(from, to)| from < to).collect()
    }

    /// Where the last proven period ends.
    pub fn proven_until(&self) -> Option<Millis> {
        self.proven_ms().last().map(|(_, to)| *to)
    }

    /// Adds a proven period.
    pub fn prove(&mut self, from: Millis, to: Millis) {
        let mut all = self.proven_ms();
        all.push((from, to));
        let text = |(from, to): (Millis, Millis)| (format_instant(from), format_instant(to));
        self.proven = united(all).into_iter().map(text).collect();
    }

    /// The parts of a period that no sync has proven.
    pub fn unproven(&self, from: Millis, to: Millis) -> Vec<(Millis, Millis)> {
        let mut parts = Vec::new();
        let mut at = from;
        for (proven_from, proven_to) in self.proven_ms() {
            if at < proven_from.min(to) {
                parts.push((at, proven_from.min(to)));
            }
            at = at.max(proven_to);
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

    fn state() -> State {
        State::new(None, Source::Api, 1_759_471_200_000)
    }

    #[test]
    fn proven_periods_grow_together_and_gaps_stay() {
        let mut state = state();
        state.prove(0, 10);
        state.prove(20, 30);
        assert_eq!(state.proven_ms(), [(0, 10), (20, 30)]);
        assert_eq!(state.unproven(-5, 40), [(-5, 0), (10, 20), (30, 40)]);
        assert_eq!(state.unproven(2, 9), []);
        assert_eq!(state.unproven(12, 15), [(12, 15)]);
        state.prove(10, 20);
        assert_eq!((state.proven_ms(), state.proven_until()), (vec![(0, 30)], Some(30)));
        assert_eq!(state.unproven(0, 30), []);
    }

    #[test]
    fn a_document_comes_back_and_a_newer_one_is_refused_with_words() {
        let mut state = state();
        state.prove(0, 86_400_000);
        assert_eq!(State::parse(&state.to_json()).unwrap(), state);
        let newer = r#"{"shape":2,"tool_version":"9.1.0","something":"else"}"#;
        let error = State::parse(newer).unwrap_err();
        assert!(error.contains("9.1.0") && error.contains("shape 2"), "{error}");
        assert!(State::parse("{}").is_err());
        let senseless = state.to_json().replace("1970-01-02", "1970-19-02");
        assert!(State::parse(&senseless).unwrap_err().contains("makes no sense"));
    }

    #[test]
    fn corrections_add_up_exactly() {
        let mut corrections = Corrections::default();
        corrections.add(1, 2, Usd(300_000_000_000_000_000), "2025-10-04T00:00:00.000Z");
        corrections.add(0, 1, Usd(-100_000_000_000_000_000), "2025-10-05T00:00:00.000Z");
        assert_eq!((corrections.runs_new, corrections.runs_changed), (1, 3));
        assert_eq!(corrections.usage_moved_usd, "0.2");
        assert_eq!(corrections.last_at, "2025-10-05T00:00:00.000Z");
    }
}
