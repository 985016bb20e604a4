//! What has changed in a month since it was closed: what reports of it must say.

use crate::lake::LakeState;
use crate::lake::state::Closing;
use crate::period::Period;
use crate::report::caveat::{Caveat, MonthCorrection, MonthDamage};

/// Of the months that a period overlaps, all but one; nothing of those in which nothing was corrected.
pub fn of(state: &LakeState, period: &Period, but: Option<&str>) -> Vec<Caveat> {
    let overlaps = |closing: &Closing| closing.from < period.to && period.from < closing.to;
    let closings = state.closings.iter();
    closings
        .filter(|(name, closing)| Some(name.as_str()) != but && overlaps(closing))
        .flat_map(|(name, closing)| correction(name, closing).into_iter().chain(damaged(name, closing)))
        .collect()
}

fn damaged(name: &str, closing: &Closing) -> Option<Caveat> {
    let damage = |damaged_at| MonthDamage {
        month: name.into(),
        closed_at: closing.closed_at,
        damaged_at,
    };
    Some(Caveat::MonthDamaged(damage(closing.damaged_at?)))
}

fn correction(name: &str, closing: &Closing) -> Option<Caveat> {
    let corrections = closing.corrections.as_ref()?;
    let (runs_new, runs_changed) = (corrections.runs_new, corrections.runs_changed);
    let correction = MonthCorrection {
        month: name.into(),
        closed_at: closing.closed_at,
        runs: closing.runs,
        usage_total_usd: closing.usage_total_usd,
        runs_new,
        runs_changed,
        usage_moved_usd: corrections.usage_moved_usd,
    };
    ((runs_new, runs_changed) != (0, 0)).then_some(Caveat::MonthCorrected(correction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::state::Corrections;
    use crate::money::Usd;
    use crate::period::parse_instant;
    use crate::provenance::Source;
    use crate::report::caveat::sentences;

    fn closed(corrections: Option<(u64, u64, &str)>) -> LakeState {
        let mut state = LakeState::new(None, Source::Api, 0);
        let corrections = corrections.map(|(runs_new, runs_changed, usage)| Corrections {
            runs_new,
            runs_changed,
            usage_moved_usd: Usd::parse_plain(usage).unwrap(),
            last_at: parse_instant("2025-10-06T00:00:00.000Z").unwrap(),
        });
        state.closings.insert(
            "2025-09".into(),
            Closing {
                from: parse_instant("2025-09-01T00:00:00.000Z").unwrap(),
                to: parse_instant("2025-10-01T00:00:00.000Z").unwrap(),
                closed_at: parse_instant("2025-10-05T04:00:00.000Z").unwrap(),
                table_version: 3,
                manifest_sha256: String::new(),
                runs: 100_000,
                usage_total_usd: Usd::parse_plain("7282.93"),
                corrections,
                damaged_at: None,
            },
        );
        state
    }

    fn period(from: &str, to: &str) -> Period {
        let to = parse_instant(to).unwrap();
        Period {
            from: parse_instant(from).unwrap(),
            to,
            requested_to: to,
            timezone: crate::period::Zone::UTC,
        }
    }

    #[test]
    fn corrections_are_said_of_every_period_that_touches_the_month_and_of_no_other() {
        let state = closed(Some((2, 3, "1.25")));
        let said = |from: &str, to: &str| sentences(&of(&state, &period(from, to), None));
        let expected = "2025-09 was closed on 2025-10-05 with 100,000 runs and $7,282.93; since then: 2 runs \
                        added, 3 changed, usage changed by $1.25";
        assert_eq!(said("2025-09-30T00:00:00.000Z", "2025-11-01T00:00:00.000Z"), [expected]);
        assert!(said("2025-10-01T00:00:00.000Z", "2025-11-01T00:00:00.000Z").is_empty());
        assert!(said("2025-08-01T00:00:00.000Z", "2025-09-01T00:00:00.000Z").is_empty());
        let month = period("2025-09-01T00:00:00.000Z", "2025-10-01T00:00:00.000Z");
        assert!(of(&state, &month, Some("2025-09")).is_empty());
    }

    #[test]
    fn what_did_not_happen_is_not_said() {
        let month = period("2025-09-01T00:00:00.000Z", "2025-10-01T00:00:00.000Z");
        let ends = |corrections| sentences(&of(&closed(corrections), &month, None));
        assert!(ends(None).is_empty());
        assert!(ends(Some((0, 0, "0"))).is_empty());
        assert!(ends(Some((1, 0, "0.004")))[0].ends_with("since then: 1 run added, usage changed by <$0.01"));
        assert!(ends(Some((0, 1, "-2")))[0].ends_with("since then: 1 run changed, usage changed by -$2.00"));
    }
}
