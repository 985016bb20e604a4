//! The API's clock and this machine's, and what a job may conclude from the two. Pure, but for the one place that reads this
//! machine's. What a period means is `period`'s; whom to ask for the time is the client's and the jobs'.

use chrono::{DateTime, NaiveDateTime};

use crate::error::{Error, Result};
use crate::period::{self, DAY_MS, LAST_INSTANT, Millis, Period, PeriodSpec, Zone, format_instant};
use crate::text::counted;

/// Sets this machine's clock to an instant of RFC 3339: for rehearsals and tests.
pub const NOW_VARIABLE: &str = "APIFY_RUNS_NOW";

/// The most by which clocks differ in a healthy setup.
pub const WARNED_OF_MS: Millis = 5 * MINUTE_MS;
/// Beyond this, the day isn't known, and a job that depends on it is refused.
const REFUSED_MS: Millis = DAY_MS;
/// The longest `Age` that counts: no cache keeps a list of runs for longer, and a wrong one must move no clock.
const MAX_AGE_S: i64 = 366 * 86_400;

const MINUTE_MS: Millis = 60_000;
const HOUR_MS: Millis = 60 * MINUTE_MS;

/// This machine's clock, which stands still where it was set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineClock(Option<Millis>);

impl MachineClock {
    pub fn fixed(now_ms: Millis) -> MachineClock {
        MachineClock(Some(now_ms))
    }

    /// Reads the text of [`NOW_VARIABLE`].
    pub fn parse(text: &str) -> Result<MachineClock> {
        let now_ms = DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis()).ok();
        let now_ms = now_ms.filter(|now| (0..=LAST_INSTANT).contains(now)).ok_or_else(|| {
            Error::Usage(format!(
                "{NOW_VARIABLE}: '{text}' is not an instant; expected RFC 3339 with an offset, as in 2025-10-03T06:00:00Z"
            ))
        })?;
        Ok(MachineClock::fixed(now_ms))
    }

    pub fn now_ms(self) -> Millis {
        self.0.unwrap_or_else(period::now_ms)
    }

    pub fn fixed_ms(self) -> Option<Millis> {
        self.0
    }
}

/// A `Date` in any of the three forms of RFC 9110.
pub fn parse_date(text: &str) -> Option<Millis> {
    let text = text.trim();
    let old_form = |form| NaiveDateTime::parse_from_str(text, form).map(|at| at.and_utc().timestamp_millis());
    let at = DateTime::parse_from_rfc2822(text)
        .map(|at| at.timestamp_millis())
        .or_else(|_| old_form("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|_| old_form("%a %b %e %H:%M:%S %Y"));
    at.ok().filter(|at| (1..=LAST_INSTANT).contains(at))
}

/// An `Age`, as milliseconds; 0 where it is no number of seconds or too large.
pub fn parse_age(text: &str) -> Millis {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<i64>().ok().filter(|age| digits && *age <= MAX_AGE_S);
    seconds.unwrap_or(0) * 1000
}

/// What the API's answers say of its clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerTimes {
    first: Option<Clocks>,
    /// How many of them had a `Date`.
    pub answers: u64,
}

impl ServerTimes {
    /// Adds an answer: its time, and this machine's when it was received. The first counts, unless a later one is nearer to this
    /// machine's by more than clocks may differ: then the first was stale, or of a server whose clock is wrong.
    pub fn add(&mut self, server_ms: Millis, machine_ms: Millis) {
        self.answers += 1;
        let clocks = Clocks {
            server_ms: Some(server_ms),
            machine_ms,
        };
        let is_nearer = |first: Clocks| first.difference_ms().saturating_sub(clocks.difference_ms()) > WARNED_OF_MS;
        if self.first.is_none_or(is_nearer) {
            self.first = Some(clocks);
        }
    }

    /// Both clocks when the answer came that counts, or this machine's alone.
    pub fn clocks(&self, machine: MachineClock) -> Clocks {
        self.first.unwrap_or_else(|| Clocks {
            server_ms: None,
            machine_ms: machine.now_ms(),
        })
    }
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// An answer's `Date` and `Age`; none where no answer had them.
    pub server_ms: Option<Millis>,
    pub machine_ms: Millis,
}

impl Clocks {
    /// The job's start.
    pub fn start_ms(&self) -> Millis {
        self.server_ms.unwrap_or(self.machine_ms)
    }

    /// The earlier clock: nothing later is proven.
    pub fn sure_ms(&self) -> Millis {
        self.start_ms().min(self.machine_ms)
    }

    /// The later clock: what lies after it is in the future of both.
    pub fn latest_ms(&self) -> Millis {
        self.start_ms().max(self.machine_ms)
    }

    /// The instant before which a run must have ended to be settled.
    pub fn settled_by_ms(&self) -> Millis {
        if self.are_apart() {
            self.sure_ms()
        } else {
            self.start_ms()
        }
    }

    fn difference_ms(&self) -> Millis {
        self.latest_ms().saturating_sub(self.sure_ms())
    }

    pub fn are_apart(&self) -> bool {
        self.difference_ms() > WARNED_OF_MS
    }

    fn disagree(&self) -> bool {
        self.difference_ms() > REFUSED_MS
    }

    fn in_words(&self) -> String {
        format!(
            "the API's clock says {}, this machine's clock says {}: they differ by {}",
            format_instant(self.start_ms()),
            format_instant(self.machine_ms),
            length(self.difference_ms())
        )
    }

    pub fn warning(&self) -> Option<String> {
        self.are_apart().then(|| {
            format!(
                "{}; nothing after {} counts as proven. {SET_THE_CLOCK}",
                self.in_words(),
                format_instant(self.sure_ms())
            )
        })
    }

    /// Refuses a job that depends on now, if they disagree; `advice` is what to do instead.
    pub fn refusal(&self, advice: &str) -> Option<Error> {
        self.disagree().then(|| self.untrusted(advice))
    }

    fn untrusted(&self, advice: &str) -> Error {
        Error::Untrusted(format!(
            "{}, and one of them is wrong. {SET_THE_CLOCK}; {advice}",
            self.in_words()
        ))
    }

    /// The period that was asked for, resolved at the job's start and cut at the last instant that is sure. An error of usage if
    /// it makes no sense by both clocks; untrusted if it depends on now where they disagree, or has begun by one of them alone.
    pub fn period(&self, spec: &PeriodSpec, tz: Zone) -> Result<Period> {
        let depends_on_now = matches!(spec, PeriodSpec::LastMonth | PeriodSpec::Last(_));
        if depends_on_now && let Some(refusal) = self.refusal(GIVE_A_PERIOD) {
            return Err(refusal);
        }
        let now_ms = match spec {
            PeriodSpec::Last(_) => self.sure_ms(),
            _ => self.start_ms(),
        };
        let period = spec.resolve(tz, now_ms).map_err(|error| {
            if self.server_ms.is_none() {
                return error;
            }
            // By the other clock it has begun: a wrong clock is no wrong usage.
            match spec.resolve(tz, self.latest_ms()) {
                Ok(_) => self.untrusted(GIVE_A_PAST_PERIOD),
                Err(_) => Error::Usage(format!("{error} (by the API's clock)")),
            }
        })?;
        let is_past = period.requested_to <= self.sure_ms();
        if period.from >= self.sure_ms() || (self.disagree() && !is_past) {
            return Err(self.untrusted(GIVE_A_PAST_PERIOD));
        }
        Ok(Period {
            to: period.to.min(self.sure_ms()),
            ..period
        })
    }
}

const SET_THE_CLOCK: &str = "Set this machine's clock, or check whether a cache or proxy answers instead of the API";
const GIVE_A_PERIOD: &str =
    "until then, give a fixed period, as in --month 2025-09 or --from 2025-09-01 --to 2025-10-01";
const GIVE_A_PAST_PERIOD: &str = "until then, give a period that is over by both clocks, as in --month 2025-09";

/// A length of time in its largest unit that counts two or more.
fn length(ms: Millis) -> String {
    let units = [
        (DAY_MS, "day", "days"),
        (HOUR_MS, "hour", "hours"),
        (MINUTE_MS, "minute", "minutes"),
    ];
    let fits = |(unit, _, _): &&(Millis, &str, &str)| ms >= 2 * unit;
    let (unit, one, many) = units.iter().find(fits).copied().unwrap_or((1000, "second", "seconds"));
    counted(ms.unsigned_abs() / unit.unsigned_abs(), one, many)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::period::{parse_duration, parse_edge, parse_instant, parse_month};

    fn at(text: &str) -> Millis {
        parse_instant(&format!("{text}:00.000Z")).unwrap()
    }

    fn clocks(server: &str, machine: &str) -> Clocks {
        Clocks {
            server_ms: Some(at(server)),
            machine_ms: at(machine),
        }
    }

    #[test]
    fn a_date_is_read_in_all_three_forms_and_what_makes_no_sense_is_none() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_date(text), Some(784_111_777_000), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2025-10-03T06:00:00Z",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "0",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn an_age_is_whole_seconds_and_a_senseless_one_is_none() {
        assert_eq!(
            (parse_age("0"), parse_age(" 90 "), parse_age("86400")),
            (0, 90_000, 86_400_000)
        );
        for text in [
            "",
            "-5",
            "+5",
            "1.5",
            "5, 7",
            "soon",
            "99999999999",
            "99999999999999999999999",
        ] {
            assert_eq!(parse_age(text), 0, "{text}");
        }
    }

    #[test]
    fn one_stale_answer_does_not_decide_where_another_is_near() {
        let hour = HOUR_MS;
        let mut times = ServerTimes::default();
        assert_eq!(times.clocks(MachineClock::fixed(7)).start_ms(), 7);
        times.add(100 * hour, 200 * hour);
        assert_eq!(times.clocks(MachineClock::default()).start_ms(), 100 * hour);
        times.add(200 * hour + 7, 200 * hour + 9);
        assert_eq!(times.clocks(MachineClock::default()).start_ms(), 200 * hour + 7);
        // Later ones that are as near, or stale again, change nothing.
        times.add(200 * hour + 1009, 200 * hour + 1009);
        times.add(100 * hour, 200 * hour);
        assert_eq!(times.clocks(MachineClock::default()).start_ms(), 200 * hour + 7);
        assert_eq!(times.answers, 4);
    }

    #[test]
    fn five_minutes_are_a_warning_and_a_day_is_a_refusal() {
        let apart = |off: Millis| {
            let clocks = Clocks {
                server_ms: Some(DAY_MS * 400 + off),
                machine_ms: DAY_MS * 400,
            };
            (clocks.warning().is_some(), clocks.refusal("").is_some())
        };
        for sign in [1, -1] {
            assert_eq!(apart(sign * 5 * MINUTE_MS), (false, false));
            assert_eq!(apart(sign * (5 * MINUTE_MS + 1)), (true, false));
            assert_eq!(apart(sign * DAY_MS), (true, false));
            assert_eq!(apart(sign * (DAY_MS + 1)), (true, true));
        }
        let warning = clocks("2025-10-13T06:00", "2025-10-03T06:00").warning().unwrap();
        assert!(
            warning.contains("they differ by 10 days; nothing after 2025-10-03T06:00:00.000Z counts as proven"),
            "{warning}"
        );
        let alone = Clocks {
            server_ms: None,
            machine_ms: 0,
        };
        assert_eq!((alone.start_ms(), alone.sure_ms(), alone.are_apart()), (0, 0, false));
    }

    #[test]
    fn a_period_that_depends_on_now_is_refused_where_clocks_disagree_and_one_that_is_past_by_both_is_not() {
        let ahead = clocks("2025-10-13T06:00", "2025-10-03T06:00");
        let stale = clocks("2025-09-28T06:00", "2025-10-03T06:00");
        let last = PeriodSpec::Last(parse_duration("7d").unwrap());
        for clocks in [ahead, stale] {
            for spec in [&PeriodSpec::LastMonth, &last] {
                let error = clocks.period(spec, Zone::UTC).unwrap_err();
                assert_eq!(error.exit_code(), 5);
                assert!(error.to_string().contains("--month 2025-09"), "{error}");
            }
            let august = clocks.period(&parse_month("2025-08").unwrap(), Zone::UTC).unwrap();
            assert_eq!((august.to, august.is_cut()), (at("2025-09-01T00:00"), false));
            // Neither over by both, nor begun by both.
            assert_eq!(
                clocks
                    .period(&parse_month("2025-10").unwrap(), Zone::UTC)
                    .unwrap_err()
                    .exit_code(),
                5
            );
            assert_eq!(
                clocks
                    .period(&parse_month("2025-12").unwrap(), Zone::UTC)
                    .unwrap_err()
                    .exit_code(),
                2
            );
        }
        assert_eq!(
            ahead.period(&parse_month("2025-09").unwrap(), Zone::UTC).unwrap().to,
            at("2025-10-01T00:00")
        );
        assert_eq!(
            stale
                .period(&parse_month("2025-09").unwrap(), Zone::UTC)
                .unwrap_err()
                .exit_code(),
            5
        );
    }

    #[test]
    fn a_machine_s_clock_that_is_wrong_is_no_wrong_usage() {
        let epoch = Clocks {
            server_ms: Some(at("2025-10-03T06:00")),
            machine_ms: 0,
        };
        let day = PeriodSpec::Last(parse_duration("1d").unwrap());
        for spec in [parse_month("2025-09").unwrap(), PeriodSpec::LastMonth, day] {
            assert_eq!(epoch.period(&spec, Zone::UTC).unwrap_err().exit_code(), 5, "{spec:?}");
        }
        // Hours behind: the month is the server's, and what the machine has not seen come is not claimed.
        let behind = clocks("2025-10-01T06:00", "2025-09-30T20:00");
        let month = behind.period(&PeriodSpec::LastMonth, Zone::UTC).unwrap();
        assert_eq!((month.from, month.to), (at("2025-09-01T00:00"), at("2025-09-30T20:00")));
        assert!(month.is_cut());
    }

    #[test]
    fn the_last_hours_end_at_the_earlier_clock_and_are_as_long_as_asked() {
        let near = clocks("2025-10-03T06:00", "2025-10-03T05:58");
        let period = near
            .period(&PeriodSpec::Last(parse_duration("1h").unwrap()), Zone::UTC)
            .unwrap();
        assert_eq!(
            (period.from, period.to),
            (at("2025-10-03T04:58"), at("2025-10-03T05:58"))
        );
        assert!(!period.is_cut());
    }

    #[test]
    fn a_machine_s_clock_is_set_by_an_instant_alone() {
        assert_eq!(MachineClock::parse("1970-01-01T01:00:01+01:00").unwrap().now_ms(), 1000);
        for text in ["now", "2025-10-03", "2025-10-03T06:00:00", "1969-12-31T23:59:59Z"] {
            assert_eq!(MachineClock::parse(text).unwrap_err().exit_code(), 2, "{text}");
        }
        let now = period::now_ms();
        assert!((now..now + 60_000).contains(&MachineClock::default().now_ms()));
    }

    proptest! {
        #[test]
        fn nothing_is_claimed_that_has_not_come_by_both_clocks(
            server in proptest::option::of(0..4_000_000_000_000_i64), machine in 0..4_000_000_000_000_i64, kind in 0..4,
            year in 1970..2096_i32, month in 1..=12_u32, hours in 1..2000_u64,
        ) {
            let clocks = Clocks { server_ms: server, machine_ms: machine };
            let end = parse_edge(&format!("{}-{month:02}-01", year + 1)).unwrap();
            let spec = match kind {
                0 => PeriodSpec::Month { year, month },
                1 => PeriodSpec::LastMonth,
                2 => PeriodSpec::Last(std::time::Duration::from_secs(hours * 3600)),
                _ => PeriodSpec::FromTo { from: parse_edge("1970-01-01").unwrap(), to: end },
            };
            match clocks.period(&spec, Zone::UTC) {
                Ok(period) => {
                    prop_assert!(period.from < period.to && period.to <= clocks.sure_ms());
                    prop_assert!(!clocks.disagree() || period.requested_to <= clocks.sure_ms());
                }
                Err(error) => prop_assert!(matches!(error.exit_code(), 2 | 5), "{error}"),
            }
        }

        #[test]
        fn no_header_makes_it_panic(text: String, age: i64) {
            let _ = (parse_date(&text), parse_age(&text));
            prop_assert!((0..=MAX_AGE_S * 1000).contains(&parse_age(&age.to_string())));
        }
    }
}
