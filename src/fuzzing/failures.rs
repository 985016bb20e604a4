//! `serve --faults`: which share of the requests goes wrong, and how.

use super::amounts::units;
use super::{has_place, text_of};
use crate::serve::Faults;

/// Requests that are looked at.
const REQUESTS: u64 = 64;

/// A specification. The place of a refusal is the part of it, in quotes, or the sum of the shares.
pub fn faults(bytes: &[u8]) {
    let Some(spec) = text_of(bytes) else { return };
    let faults = match Faults::parse(spec) {
        Ok(faults) => faults,
        Err(refusal) => {
            // A part, its name, or all behind its first sign of equality.
            let names = spec.split(',').flat_map(|part| part.splitn(2, '='));
            let mut places: Vec<String> = spec.split(',').chain(names).map(|part| format!("{part:?}")).collect();
            places.push("the shares".into());
            return has_place(
                &refusal.to_string(),
                &places.iter().map(String::as_str).collect::<Vec<_>>(),
            );
        }
    };
    let again = Faults::parse(&written(spec)).expect("what is written can be read");
    assert_eq!(again, faults);
    assert!((0..REQUESTS).all(|request| again.draw(request) == faults.draw(request)));
}

/// The same with its seed first, and each share that is written plainly in full.
fn written(spec: &str) -> String {
    let is_seed = |part: &&str| part.starts_with("seed=");
    let seed = spec.split(',').rfind(is_seed);
    let shares = spec.split(',').filter(|part| !is_seed(part));
    let shares = shares.map(|part| {
        let (name, share) = part.split_once('=').expect("it was read");
        let percent = share.trim_end_matches('%');
        // A millionth is a ten-thousandth of a percent.
        match units(percent) {
            Some(Ok(units)) if units.ends_with(&"0".repeat(14)) => {
                let millionths = &units[..units.len() - 14];
                format!("{name}={millionths}e-4%")
            }
            Some(Ok(units)) if units == "0" => format!("{name}=0%"),
            _ => part.to_string(),
        }
    });
    seed.map(str::to_string)
        .into_iter()
        .chain(shares)
        .collect::<Vec<_>>()
        .join(",")
}
