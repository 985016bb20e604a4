//! Texts of the command line to values, or why they are none.

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;

use crate::money::Usd;
use crate::period::{Edge, parse_duration, parse_edge};

/// Elsewhere `-` is stdout, and a file of that name would surprise.
pub(super) fn no_dash(path: PathBuf) -> Result<PathBuf, String> {
    if path.as_os_str() == "-" {
        return Err("name a file; stdout is /dev/stdout".into());
    }
    Ok(path)
}

/// A status in the API's spelling.
pub(super) fn parse_status(text: &str) -> Result<String, String> {
    parse_element(text).map(|status| status.to_ascii_uppercase())
}

/// One of a list; an empty one, as of a variable that isn't set, must not come to mean that nothing matches.
pub(super) fn parse_element(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("an empty name matches nothing; leave the option out to leave nothing out".into()),
        element => Ok(element.into()),
    }
}

pub(super) fn parse_cycle_date(text: &str) -> Result<NaiveDate, String> {
    match parse_edge(text) {
        Ok(Edge::Date(date)) => Ok(date),
        _ => Err("expected a date, such as 2025-09-15".into()),
    }
}

pub(super) fn parse_usd(text: &str) -> Result<Usd, String> {
    let usd = Usd::parse_plain(text).filter(|usd| usd.0 >= 0);
    usd.ok_or_else(|| "expected US dollars, such as 1 or 0.50".into())
}

pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected requests a second, such as 30 or 0.5; 0 is no limit".into()),
    }
}

pub(super) fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text).map_err(|error| error.to_string())?;
    if timeout.is_zero() {
        Err("it needs some time, such as 60s".into())
    } else {
        Ok(timeout)
    }
}
