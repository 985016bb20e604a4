//! What has changed in a month since it was closed, in words: what reports of it must say.

use crate::lake::State;
use crate::lake::state::Closing;
use crate::money::Usd;
use crate::period::{Millis, Period, format_instant};
use crate::text::{counted, thousands};

/// Of the months that a period overlaps, all but one; nothing of those in which nothing was corrected.
pub fn of(state: &State, period: &Period, but: Option<&str>) -> Vec<String> {
    let overlaps = |closing: &Closing| closing.from < period.to && period.from < closing.to;
    let closings = state.closings.iter();
    closings
        .filter(|(name, closing)| Some(name.as_str()) != but && overlaps(closing))
        .flat_map(|(name, closing)| sentence(name, closing).into_iter().chain(damaged(name, closing)))
        .collect()
}

/// What is said of a closed month of which files were set aside.
fn damaged(name: &str, closing: &Closing) -> Option<String> {
    let at = closing.damaged_at?;
    Some(format!(
        "files of {name}, which was closed on {}, were damaged and set aside on {}: runs of it may be missing that Apify no longer \
         had",
        day_of(closing.closed_at),
        day_of(at)
    ))
}

fn sentence(name: &str, closing: &Closing) -> Option<String> {
    let corrections = closing.corrections.as_ref()?;
    let (came, changed) = (corrections.runs_new, corrections.runs_changed);
    let what = match (came, changed) {
        (0, 0) => return None,
        (came, 0) => format!("{} came", counted(came, "run", "runs")),
        (0, changed) => format!("{} changed", counted(changed, "run", "runs")),
        (came, changed) => format!(
            "{} came and {} changed",
            counted(came, "run", "runs"),
            thousands(changed)
        ),
    };
    let usage = closing.usage_total_usd.map_or("no known cost".into(), Usd::dollars);
    Some(format!(
        "{name} was closed on {} with {} and {usage}; since then {what}, moving {}",
        day_of(closing.closed_at),
        counted(closing.runs, "run", "runs"),
        corrections.usage_moved_usd.dollars()
    ))
}

/// The UTC day of an instant.
fn day_of(at: Millis) -> String {
    format_instant(at).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::state::Corrections;
    use crate::period::parse_instant;
    use crate::provenance::Source;

    fn closed(corrections: Option<(u64, u64, &str)>) -> State {
        let mut state = State::new(None, Source::Api, 0);
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
            timezone: chrono_tz::UTC,
        }
    }

    #[test]
    fn corrections_are_said_of_every_period_that_touches_the_month_and_of_no_other() {
        let state = closed(Some((2, 3, "1.25")));
        let said = |from: &str, to: &str| of(&state, &period(from, to), None);
        let expected = "2025-09 was closed on 2025-10-05 with 100,000 runs and $7,282.93; since then 2 runs came and 3 \
                        changed, moving $1.25";
        assert_eq!(said("2025-09-30T00:00:00.000Z", "2025-11-01T00:00:00.000Z"), [expected]);
        assert!(said("2025-10-01T00:00:00.000Z", "2025-11-01T00:00:00.000Z").is_empty());
        assert!(said("2025-08-01T00:00:00.000Z", "2025-09-01T00:00:00.000Z").is_empty());
        let month = period("2025-09-01T00:00:00.000Z", "2025-10-01T00:00:00.000Z");
        assert!(of(&state, &month, Some("2025-09")).is_empty());
    }

    #[test]
    fn what_did_not_happen_is_not_said() {
        let month = period("2025-09-01T00:00:00.000Z", "2025-10-01T00:00:00.000Z");
        let ends = |corrections| of(&closed(corrections), &month, None);
        assert!(ends(None).is_empty());
        assert!(ends(Some((0, 0, "0"))).is_empty());
        assert!(ends(Some((1, 0, "0.004")))[0].ends_with("since then 1 run came, moving <$0.01"));
        assert!(ends(Some((0, 1, "-2")))[0].ends_with("since then 1 run changed, moving -$2.00"));
    }
}
