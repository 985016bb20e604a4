//! Which part of a period each of several archives has, and what none of them has.

use crate::archive::{Archive, ArchiveInfo};
use crate::error::{Error, Result};
use crate::period::{Millis, Period, Zone};

/// Exit 2 where two archives of one account have runs of the same time: each would count twice.
pub fn check_overlaps(held: &[&ArchiveInfo]) -> Result<()> {
    for (at, one) in held.iter().enumerate() {
        let id = |held: &ArchiveInfo| held.account.as_ref().map(|account| account.id.clone());
        let overlaps = |other: &&&ArchiveInfo| {
            let is_same = one.shown == other.shown || id(one).is_some_and(|known| id(other) == Some(known));
            is_same && one.period.from < other.period.requested_to && other.period.from < one.period.requested_to
        };
        if let Some(other) = held[at + 1..].iter().find(overlaps) {
            let whose = one
                .account
                .as_ref()
                .map_or("the same account", |account| account.name());
            return Err(Error::Usage(format!(
                "{} ({}) and {} ({}) are both of {whose}, and their periods overlap: their runs would count twice; leave one of them \
                 out",
                one.shown,
                one.period.first_line(),
                other.shown,
                other.period.first_line()
            )));
        }
    }
    Ok(())
}

/// The time zone of the days of all of them; exit 2 where they differ and none was given.
pub fn check_timezones(held: &[&ArchiveInfo], given: Option<Zone>) -> Result<Zone> {
    let first = held[0];
    let other = held.iter().find(|other| other.period.timezone != first.period.timezone);
    match (given, other) {
        (Some(zone), _) => Ok(zone),
        (None, None) => Ok(first.period.timezone),
        (None, Some(other)) => Err(Error::Usage(format!(
            "the days of {} are those of {}, and of {} those of {}: give --timezone",
            first.shown,
            first.period.timezone.name(),
            other.shown,
            other.period.timezone.name()
        ))),
    }
}

/// The period from the first instant of any to the last.
pub fn hull(held: &[&ArchiveInfo], timezone: Zone) -> Period {
    let periods = || held.iter().map(|held| &held.period);
    let first = &held[0].period;
    Period {
        from: periods().map(|period| period.from).min().unwrap_or(first.from),
        to: periods().map(|period| period.to).max().unwrap_or(first.to),
        requested_to: periods()
            .map(|period| period.requested_to)
            .max()
            .unwrap_or(first.requested_to),
        timezone,
    }
}

/// What an archive has of a period; none where they have nothing in common.
pub fn part_of(archive: &dyn Archive, held: &ArchiveInfo, asked: &Period) -> Result<Option<Period>> {
    let from = asked.from.max(held.period.from);
    let requested_to = asked.requested_to.min(held.period.requested_to);
    if from >= requested_to {
        return Ok(None);
    }
    archive.slice_period(&Period {
        from,
        to: requested_to,
        requested_to,
        timezone: asked.timezone,
    })
}

/// The parts of a period that none of these covers.
pub fn gaps(asked: &Period, mut covered: Vec<(Millis, Millis)>) -> Vec<(Millis, Millis)> {
    covered.sort_unstable();
    covered.push((asked.requested_to, asked.requested_to));
    let mut until = asked.from;
    let mut gaps = Vec::new();
    for (from, to) in covered {
        if until < from {
            gaps.push((until, from));
        }
        until = until.max(to);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn period(from: Millis, to: Millis) -> Period {
        Period {
            from,
            to,
            requested_to: to,
            timezone: Zone::UTC,
        }
    }

    proptest! {
        #[test]
        fn an_instant_is_in_a_gap_where_nothing_covers_it(
            spans in proptest::collection::vec((0..60i64, 1..20i64), 0..6),
        ) {
            let asked = period(10, 50);
            let within = |(from, length): &(i64, i64)| {
                let (from, to) = ((*from).clamp(10, 50), (from + length).clamp(10, 50));
                (from < to).then_some((from, to))
            };
            let covered: Vec<(i64, i64)> = spans.iter().filter_map(within).collect();
            let gaps = gaps(&asked, covered.clone());
            let has = |spans: &[(i64, i64)], at: i64| spans.iter().any(|(from, to)| (*from..*to).contains(&at));
            for at in 10..50 {
                prop_assert_eq!(has(&gaps, at), !has(&covered, at), "{}", at);
            }
            prop_assert!(gaps.iter().all(|(from, to)| 10 <= *from && from < to && *to <= 50));
        }
    }
}
