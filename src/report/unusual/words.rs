//! A finding as one sentence, and what was not judged as another.

use chrono::Weekday;

use super::day_costs::{Day, date_of};
use super::usual::MedianDays;
use super::{FEWEST_DAYS, HISTORY_DAYS, UnusualDay, UnusualDays, UnusualKind};
use crate::money::{Usd, ratio_6_places};
use crate::report::headline::at_least;
use crate::text::{counted, escape_control, thousands};

pub(super) fn date_text(day: Day) -> String {
    date_of(day).format("%Y-%m-%d").to_string()
}

impl UnusualDay {
    /// What people know it by.
    fn shown(&self) -> String {
        let name = self.act_name.as_deref().or(self.act_id.as_deref());
        name.map_or("The whole account".into(), escape_control)
    }

    pub fn sentence(&self) -> String {
        let (whose, on) = (self.shown(), date_text(self.day));
        let used = format!("{}{}", at_least(self.cost_unknown > 0), self.usage.dollars());
        let (median, limit) = (self.usual.median.dollars(), self.usual.limit.dollars());
        let days = days_text(self.usual.days);
        let text = match (self.kind, times(self.usage, self.usual.median)) {
            (UnusualKind::FirstUse, _) => {
                format!("{whose} used {used} on {on}, for the first time: no earlier usage of it is known.")
            }
            (UnusualKind::AboveUsual, Some(times)) => {
                format!(
                    "{whose} used {used} on {on}, {times} times its median of {days} ({median}, usually up to {limit})."
                )
            }
            (UnusualKind::AboveUsual, None) => {
                format!("{whose} used {used} on {on}; its median of {days} is {median} (usually up to {limit}).")
            }
        };
        if self.cost_unknown == 0 {
            return text;
        }
        format!(
            "{text} Left out: {} of unknown cost.",
            counted(self.cost_unknown, "run", "runs")
        )
    }
}

impl UnusualDays {
    /// All findings, one sentence each.
    pub fn sentences(&self) -> Vec<String> {
        self.found.iter().map(UnusualDay::sentence).collect()
    }

    /// The days that were not judged, if there are any.
    pub fn not_judged_sentence(&self) -> Option<String> {
        let (first, last) = (*self.not_judged.first()?, *self.not_judged.last()?);
        let days = counted(self.not_judged.len() as u64, "day", "days");
        let span = match first == last {
            true => date_text(first),
            false => format!("{} to {}", date_text(first), date_text(last)),
        };
        Some(format!(
            "not judged: {days} ({span}) with fewer than {FEWEST_DAYS} complete days among the {HISTORY_DAYS} before"
        ))
    }

    /// What a report says of it all.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = self.sentences();
        if lines.is_empty() && self.judged > 0 {
            lines.push(format!("none of {} judged", counted(self.judged, "day", "days")));
        }
        lines.extend(self.not_judged_sentence());
        if lines.is_empty() {
            lines.push("not judged: the period has no UTC day that is complete and settled".into());
        }
        lines
    }
}

fn days_text(days: MedianDays) -> String {
    match days {
        MedianDays::All(count) if count as Day == HISTORY_DAYS => format!("the {HISTORY_DAYS} days before"),
        MedianDays::All(count) => format!("{count} of the {HISTORY_DAYS} days before"),
        MedianDays::Weekday(weekday, count) => format!("the {count} {} before", plural(weekday)),
    }
}

fn plural(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "Mondays",
        Weekday::Tue => "Tuesdays",
        Weekday::Wed => "Wednesdays",
        Weekday::Thu => "Thursdays",
        Weekday::Fri => "Fridays",
        Weekday::Sat => "Saturdays",
        Weekday::Sun => "Sundays",
    }
}

/// How many times its median, with one place below a hundred; `None` where that is nothing.
fn times(usage: Usd, median: Usd) -> Option<String> {
    let ratio = ratio_6_places(usage.0, median.0).filter(|_| median.0 > 0)?.usd()?;
    let unit = 10_i128.pow(17);
    let (tenths, rest) = (ratio.0 / unit, ratio.0 % unit);
    let is_up = rest * 2 > unit || (rest * 2 == unit && tenths % 2 == 1);
    let tenths = (tenths + i128::from(is_up)).unsigned_abs();
    Some(match tenths {
        0..1000 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => thousands(tenths / 10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::parse_instant;
    use crate::report::unusual::{UsualRange, day_costs::day_of_ms};

    fn usd(text: &str) -> Usd {
        Usd::parse_plain(text).unwrap()
    }

    fn found() -> UnusualDay {
        UnusualDay {
            day: day_of_ms(parse_instant("2025-09-23T00:00:00Z").unwrap()),
            kind: UnusualKind::AboveUsual,
            act_id: Some("a1".into()),
            act_name: Some("crawl-craft/prices-sync".into()),
            usage: usd("84.1"),
            cost_unknown: 0,
            usual: UsualRange {
                median: usd("24.9"),
                limit: usd("31"),
                days: MedianDays::All(28),
            },
            leans_on_earlier: false,
        }
    }

    #[test]
    fn a_finding_is_one_sentence() {
        let expected = "crawl-craft/prices-sync used $84.10 on 2025-09-23, 3.4 times its median of the 28 days before ($24.90, \
                        usually up to $31.00).";
        assert_eq!(found().sentence(), expected);
    }

    #[test]
    fn it_says_what_is_left_out_and_by_which_days_it_is_judged() {
        let mut found = found();
        (found.act_id, found.act_name, found.cost_unknown) = (None, None, 2);
        found.usual.days = MedianDays::Weekday(Weekday::Tue, 4);
        let expected = "The whole account used at least $84.10 on 2025-09-23, 3.4 times its median of the 4 Tuesdays before ($24.90, \
                        usually up to $31.00). Left out: 2 runs of unknown cost.";
        assert_eq!(found.sentence(), expected);
    }

    #[test]
    fn without_a_median_there_is_no_factor() {
        let mut found = found();
        found.act_name = None;
        (found.usual.median, found.usual.days) = (Usd::default(), MedianDays::All(20));
        let expected =
            "a1 used $84.10 on 2025-09-23; its median of 20 of the 28 days before is $0.00 (usually up to $31.00).";
        assert_eq!(found.sentence(), expected);
        found.kind = UnusualKind::FirstUse;
        let expected = "a1 used $84.10 on 2025-09-23, for the first time: no earlier usage of it is known.";
        assert_eq!(found.sentence(), expected);
    }

    #[test]
    fn factors_have_one_place_below_a_hundred() {
        let times = |usage: &str, median: &str| times(usd(usage), usd(median));
        assert_eq!(times("1.25", "1").as_deref(), Some("1.2"));
        assert_eq!(times("1.35", "1").as_deref(), Some("1.4"));
        assert_eq!(times("99.94", "1").as_deref(), Some("99.9"));
        assert_eq!(times("123456", "100").as_deref(), Some("1,234"));
        assert_eq!(times("1", "0"), None);
    }
}
