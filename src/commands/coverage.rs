//! What is said where an archive does not cover a period: which period it has, and the command line that reports it.

use chrono::Datelike;

use crate::archive::ArchiveInfo;
use crate::error::Error;
use crate::period::{DayClock, LAST_INSTANT, Period, PeriodSpec, Zone};

/// Exit 2: `report` was asked for a period of which an archive lacks all, or a part. `timezone` is the one that was typed.
pub fn not_covered(held: &ArchiveInfo, asked: &Period, timezone: Option<Zone>) -> Error {
    let (shown, whole) = (&held.shown, &held.period);
    let mut text = format!(
        "{shown} does not cover {}: it holds {}",
        asked.first_line(),
        whole.first_line()
    );
    if !held.is_of_one_period && asked.from >= whole.to {
        text += "; for later runs, sync it first";
    }
    let typed = timezone.map_or(String::new(), |zone| format!(" --timezone {}", zone.name()));
    let options = match common(asked, whole) {
        Some(common) => common.options() + &typed,
        None if held.is_of_one_period => whole.options(),
        None => last_month(whole, asked.timezone) + &typed,
    };
    Error::Usage(format!("{text}; try apify-runs report {shown} {options}"))
}

/// What two periods have in common, with the days of the first.
fn common(one: &Period, other: &Period) -> Option<Period> {
    let (from, to) = (one.from.max(other.from), one.to.min(other.to));
    (from < to).then_some(Period {
        from,
        to,
        requested_to: to,
        timezone: one.timezone,
    })
}

/// The calendar month in which a period ends, as an option.
fn last_month(period: &Period, timezone: Zone) -> String {
    let last = DayClock::new(timezone).day_of(period.to - 1);
    let month = PeriodSpec::Month {
        year: last.year(),
        month: last.month(),
    };
    let month = month.resolve(timezone, LAST_INSTANT);
    month.map_or(String::new(), |month| month.options())
}
