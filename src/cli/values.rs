//! Texts of the command line to values, or why they are none.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::NaiveDate;

use crate::money::Usd;
use crate::period::{Edge, parse_duration, parse_edge};

/// Elsewhere `-` is stdout, and a file of that name would surprise.
pub(super) fn no_dash(path: PathBuf) -> Result<PathBuf> {
    ensure!(path.as_os_str() != "-", "name a file; stdout is /dev/stdout");
    Ok(path)
}

/// A status in the API's spelling.
pub(super) fn parse_status(text: &str) -> Result<String> {
    parse_element(text).map(|status| status.to_ascii_uppercase())
}

/// One of a list; an empty one, as of a variable that isn't set, must not come to mean that nothing matches.
pub(super) fn parse_element(text: &str) -> Result<String> {
    match text.trim() {
        "" => bail!("an empty name matches nothing; leave the option out to leave nothing out"),
        element => Ok(element.into()),
    }
}

pub(super) fn parse_cycle_date(text: &str) -> Result<NaiveDate> {
    match parse_edge(text) {
        Ok(Edge::Date(date)) => Ok(date),
        _ => bail!("expected a date, such as 2025-09-15"),
    }
}

pub(super) fn parse_usd(text: &str) -> Result<Usd> {
    let usd = Usd::parse_plain(text).filter(|usd| usd.0 >= 0);
    usd.context("expected US dollars, such as 1 or 0.50")
}

pub(super) fn parse_rate(text: &str) -> Result<f64> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => bail!("expected requests a second, such as 30 or 0.5; 0 is no limit"),
    }
}

pub(super) fn parse_timeout(text: &str) -> Result<Duration> {
    let timeout = parse_duration(text)?;
    ensure!(!timeout.is_zero(), "it needs some time, such as 60s");
    Ok(timeout)
}
