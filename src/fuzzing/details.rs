//! A run's detail, its amounts held against serde's reading of the same JSON.

use super::amounts::{RawMembers, agrees, agrees_if_known};
use super::has_place;
use crate::api::detail::decode;
use crate::runs::schema::{COLUMNS, col};

/// The body of a detail. The place of a refusal is a byte, a line and a column, or the field.
pub fn detail(body: &[u8]) {
    let members = |json: &[u8]| serde_json::from_slice::<RawMembers>(json).ok();
    let run = members(body).and_then(|body| members(body.get("data")?.get().as_bytes()));
    let found = match decode(body) {
        Ok(found) => found,
        Err(refusal) => {
            let refusal = refusal.to_string();
            has_place(
                &refusal,
                &[
                    "line ",
                    "\"data\"",
                    "\"id\"",
                    "\"status\"",
                    "usageTotalUsd",
                    "index ",
                    "incomplete utf-8",
                ],
            );
            if let Some(raw) = run.as_ref().and_then(|run| run.get("usageTotalUsd"))
                && refusal.contains("usageTotalUsd")
            {
                agrees(raw.get(), crate::money::Usd::from_json_number(raw.get()));
            }
            return;
        }
    };
    for place in found.mistyped.iter().chain(&found.mistyped_metering) {
        assert!(place.starts_with("data.") && place.contains("; expected "), "{place}");
    }
    let Some(run) = run else { return };
    agrees_if_known(run.get("usageTotalUsd").map(|raw| &**raw), found.detail.usage);
    if let Some(meters) = run.get("usageUsd").and_then(|raw| members(raw.get().as_bytes())) {
        for (at, meter) in found.detail.metering.meters.iter().enumerate() {
            let key = COLUMNS[col::FIRST_METER + at].meter_key();
            agrees_if_known(meters.get(&key).map(|raw| &**raw), *meter);
        }
    }
}
