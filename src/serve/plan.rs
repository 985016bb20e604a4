//! The plan that an account is said to be on, as far as both backends answer for it.

use serde_json::{Map, Value, json};

/// The features of a plan that the API's OpenAPI description requires in `GET /v2/users/me`.
pub(super) const FEATURES: [&str; 10] = [
    "ACTORS",
    "STORAGE",
    "SCHEDULER",
    "PROXY",
    "PROXY_EXTERNAL_ACCESS",
    "PROXY_RESIDENTIAL",
    "PROXY_SERPS",
    "WEBHOOKS",
    "ACTORS_PUBLIC_ALL",
    "ACTORS_PUBLIC_DEVELOPER",
];

pub(super) fn effective_features(are_enabled: bool) -> Map<String, Value> {
    let feature = json!({
        "isEnabled": are_enabled,
        "disabledReason": null,
        "disabledReasonType": null,
        "isTrial": false,
        "trialExpirationAt": null,
    });
    let features = FEATURES.map(|name| (name.to_owned(), feature.clone()));
    features.into_iter().collect()
}
