//! Periods, durations, time zones and instants, as options and documents have them.

use chrono::NaiveDate;

use super::{has_place, text_of};
use crate::clock::MachineClock;
use crate::period::{
    Edge, LAST_INSTANT, Millis, Period, PeriodSpec, Zone, format_instant, parse_duration, parse_edge, parse_instant,
    parse_month, parse_timezone,
};

/// 2025-10-03T06:00:00Z, where the text has no instant of its own.
const NOW: Millis = 1_759_471_200_000;

/// Lines, each of which may be a month, an edge, a duration, a time zone or an instant; those that are make periods. The place of
/// a refusal is the text itself, in quotes.
pub fn period(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    let lines: Vec<&str> = text.lines().take(8).collect();
    let zone = lines
        .iter()
        .find_map(|line| parse_timezone(line).ok())
        .unwrap_or(Zone::UTC);
    let now = lines
        .iter()
        .find_map(|line| MachineClock::parse(line).ok())
        .and_then(MachineClock::fixed_ms);
    let now = now.unwrap_or(NOW);
    lines.iter().for_each(|line| instant_comes_back(line));
    let edges: Vec<Edge> = lines.iter().filter_map(|line| edge(line)).collect();
    let mut specs: Vec<PeriodSpec> = lines
        .iter()
        .flat_map(|line| [month(line), last(line)])
        .flatten()
        .collect();
    specs.extend(edges.windows(2).map(|pair| PeriodSpec::FromTo {
        from: pair[0],
        to: pair[1],
    }));
    for spec in &specs {
        match spec.resolve(zone, now) {
            Ok(period) => is_sound(&period, now),
            Err(refusal) => has_place(
                &refusal.to_string(),
                &[
                    "the period is in the future",
                    "--last ",
                    "--from ",
                    "no such month",
                    "this machine's clock",
                ],
            ),
        }
    }
}

fn is_sound(period: &Period, now: Millis) {
    assert!(period.from < period.to && period.to <= period.requested_to && period.to <= now);
    assert!(
        (0..=LAST_INSTANT).contains(&period.from) && period.requested_to <= LAST_INSTANT,
        "{period:?}"
    );
    let json = serde_json::to_string(period).expect("a period is an object");
    assert_eq!(
        serde_json::from_str::<Period>(&json).ok().as_ref(),
        Some(period),
        "{json}"
    );
    if let Some((from, to)) = period.whole_utc_days() {
        assert!(
            from < to && from % 86_400_000 == 0 && to % 86_400_000 == 0,
            "{period:?}"
        );
    }
    // The days of thousands of years take their time.
    if period.to - period.from < 400 * 86_400_000 {
        let days = period.days();
        assert!(!days.is_empty() && days.is_sorted() && days.len() <= 402, "{period:?}");
    }
}

fn month(line: &str) -> Option<PeriodSpec> {
    let spec = accepted(line, parse_month(line))?;
    let PeriodSpec::Month { year, month } = spec else {
        panic!("{line} is another period than a month")
    };
    assert_eq!(format!("{year:04}-{month:02}"), line);
    Some(spec)
}

fn edge(line: &str) -> Option<Edge> {
    let edge = accepted(line, parse_edge(line))?;
    match edge {
        Edge::Date(date) => {
            assert_eq!(date.to_string(), line);
            assert_eq!(NaiveDate::parse_from_str(line, "%Y-%m-%d").ok(), Some(date));
        }
        Edge::Instant(instant) => assert_eq!(parse_instant(line), Some(instant.timestamp_millis()), "{line}"),
    }
    Some(edge)
}

fn last(line: &str) -> Option<PeriodSpec> {
    let length = accepted(line, parse_duration(line))?;
    let millis = length.as_millis();
    let digits = line.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &line[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => panic!("{other:?} is no unit"),
    };
    assert_eq!(
        digits.parse::<u128>().ok().map(|number| number * unit),
        Some(millis),
        "{line}"
    );
    assert_eq!(parse_duration(&format!("{millis}ms")).ok(), Some(length), "{line}");
    Some(PeriodSpec::Last(length))
}

fn accepted<T>(line: &str, found: crate::error::Result<T>) -> Option<T> {
    found
        .map_err(|refusal| has_place(&refusal.to_string(), &[&format!("'{line}'")]))
        .ok()
}

/// An instant that is read is one that is written, and that is read again.
fn instant_comes_back(line: &str) {
    if let Some(at) = parse_instant(line) {
        assert_eq!(parse_instant(&format_instant(at)), Some(at), "{line}");
    }
}
