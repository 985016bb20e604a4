//! Apify's count of a billing cycle, its amounts held against serde's reading of the same JSON.

use super::amounts::{RawMembers, agrees_if_known};
use super::has_place;
use crate::api::usage::{Service, decode};

/// The body of a monthly usage. The place of a refusal is a byte, a line and a column, or the field; that of what is unknown is
/// the field, up to the number of days and services.
pub fn monthly_usage(body: &[u8]) {
    let found = match decode(body) {
        Ok(found) => found,
        Err(refusal) => {
            has_place(&refusal.to_string(), &["line ", "data", "index ", "incomplete utf-8"]);
            return;
        }
    };
    for unknown in &found.unknown {
        let is_count = unknown.ends_with("other field") || unknown.ends_with("other fields");
        assert!(is_count || unknown.starts_with("data."), "{unknown}");
    }
    let members = |json: &str| serde_json::from_str::<RawMembers>(json).ok();
    let all = serde_json::from_slice::<RawMembers>(body).ok();
    let Some(data) = all.and_then(|all| members(all.get("data")?.get())) else {
        return;
    };
    let raw = |name: &str| data.get(name).map(|raw| &**raw);
    agrees_if_known(raw("totalUsageCreditsUsdBeforeVolumeDiscount"), found.before_discount);
    agrees_if_known(raw("totalUsageCreditsUsdAfterVolumeDiscount"), found.after_discount);
    let services = raw("monthlyServiceUsage").and_then(|raw| members(raw.get()));
    if let (Some(services), Some(found)) = (&services, &found.services) {
        let known = services.iter().filter(|(_, service)| service.get() != "null");
        for (key, _) in known {
            assert!(found.iter().any(|service| service.key == *key), "{key} is lost");
        }
        found.iter().for_each(|service| service_agrees(service, services));
    }
    // What can be added up has a sum.
    for day in found.days.iter().flatten() {
        day.before_discount();
    }
}

fn service_agrees(found: &Service, services: &RawMembers) {
    let raw = services.get(&found.key).expect("the service is in the answer");
    let members: RawMembers = serde_json::from_str(raw.get()).unwrap_or_default();
    let raw = |name: &str| members.get(name).map(|raw| &**raw);
    agrees_if_known(raw("baseAmountUsd"), found.base);
    agrees_if_known(raw("amountAfterVolumeDiscountUsd"), found.after_discount);
    agrees_if_known(raw("quantity"), found.quantity);
}
