//! Up to when a table whose state claims too much is surely proven, by what its log has of earlier commits. Only read where a
//! sync went by a clock that was ahead.

use serde_json::Value;

use crate::error::Result;
use crate::lake::commit_entry::entry_bytes;
use crate::lake::state::{LakeState, PROPERTY};
use crate::lake::table::LakeTable;
use crate::period::Millis;

/// How far what a commit claims to be proven may lie after the commit itself: the clocks of two machines.
const SLACK_MS: Millis = 5 * 60_000;

/// Until when a commit claims that the table is proven, and when it was made by the clock of who made it; none of one that
/// claims nothing new.
fn claim(commit: &[u8]) -> Option<(Millis, Millis)> {
    let (mut until, mut made_ms) = (None, Millis::MAX);
    for line in commit.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        if let Some(at) = line.pointer("/commitInfo/timestamp").and_then(Value::as_i64) {
            made_ms = at;
        }
        let property = line
            .pointer("/metaData/configuration")
            .and_then(|all| all.get(PROPERTY));
        let state = property.and_then(Value::as_str).map(LakeState::parse);
        until = until.or(state.and_then(Result::ok).and_then(|state| state.proven_until()));
    }
    until.map(|until| (until, made_ms))
}

impl LakeTable {
    /// What the last commit that claims nothing of its own future, nor of what comes after `sure_ms`, had proven; none where
    /// the log has none any more.
    pub fn sure_until(&self, sure_ms: Millis) -> Result<Option<Millis>> {
        for version in (0..=self.version()).rev() {
            let Some(entry) = entry_bytes(self.location(), version)? else {
                return Ok(None);
            };
            let is_sure = |until, made_ms: Millis| until <= sure_ms && until <= made_ms.saturating_add(SLACK_MS);
            if let Some((until, _)) = claim(&entry).filter(|(until, made_ms)| is_sure(*until, *made_ms)) {
                return Ok(Some(until));
            }
        }
        Ok(None)
    }
}

impl LakeState {
    /// Takes back what is claimed to be proven after an instant.
    pub fn forget_after(&mut self, until: Millis) {
        self.unprove(until, Millis::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::Source;

    #[test]
    fn what_is_claimed_after_an_instant_is_taken_back() {
        let mut state = LakeState::new(None, Source::Api, 0);
        for (from, to) in [(0, 10), (20, 30), (40, 50)] {
            state.prove(from, to);
        }
        let mut cut = state.clone();
        cut.forget_after(25);
        assert_eq!(cut.proven, [(0, 10), (20, 25)]);
        cut.forget_after(20);
        assert_eq!(cut.proven, [(0, 10)]);
        cut.forget_after(0);
        assert_eq!(cut.proven, []);
        state.forget_after(50);
        assert_eq!(state.proven_until(), Some(50));
    }

    #[test]
    fn a_commit_s_claim_is_found_among_its_lines() {
        let mut state = LakeState::new(None, Source::Api, 0);
        state.prove(0, 86_400_000);
        let metadata = serde_json::json!({"metaData": {"id": "x", "configuration": {PROPERTY: state.to_json()}}});
        let commit = format!("{{\"commitInfo\":{{\"timestamp\":5}}}}\n{metadata}\n{{\"add\":{{}}}}\n");
        assert_eq!(claim(commit.as_bytes()), Some((86_400_000, 5)));
        assert_eq!(
            claim(b"{\"commitInfo\":{\"timestamp\":5}}\n{\"add\":{}}\nnonsense"),
            None
        );
    }
}
