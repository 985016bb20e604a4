//! One run's detail, from its bytes to a value. Pure, and as exact as the list: every number is read from its own text.

use anyhow::{Context, anyhow};

use super::json_object::JsonObject;
use super::members::compact;
use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::detail::{Metering, RunDetail};
use crate::runs::schema::{COLUMNS, METERS, col};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailAnswer {
    /// The run's, which may be another than was asked for.
    pub id: String,
    pub detail: RunDetail,
}

/// Decodes the body of a detail's answer; an error means that it is none, or that its cost is no exact number.
pub fn decode(body: &[u8]) -> anyhow::Result<DetailAnswer> {
    let body = JsonObject::parse(body, "the body is not a run")?;
    let run = JsonObject::new(body.raw("data").context("the body is JSON without \"data\"")?);
    let text = |name: &str| run.text(name).filter(|text| !text.is_empty());
    let required = |name: &str| text(name).with_context(|| format!("the run has no {name:?}"));
    let usage = run.raw("usageTotalUsd").map(Usd::from_json_number).transpose();
    let usage = usage.map_err(|error| anyhow!("the run's usageTotalUsd {error}"))?;
    Ok(DetailAnswer {
        id: required("id")?,
        detail: RunDetail {
            status: required("status")?,
            finished_at_ms: run.text("finishedAt").and_then(|text| parse_instant(&text)),
            usage,
            metering: metering(&run),
        },
    })
}

/// The columns of its own; a field that isn't there, or of another type, is NULL.
fn metering(run: &JsonObject) -> Metering {
    let inner = |name: &str| run.raw(name).map(JsonObject::new).unwrap_or_default();
    let (meters, stats, options) = (inner("usageUsd"), inner("stats"), inner("options"));
    // An archive that is served puts a neutral value where the API's own clients need one, and says so.
    let is_archived = |name: &str| {
        let quoted = format!("\"{name}\"");
        !run.raw("notArchived").is_some_and(|names| names.contains(&quoted))
    };
    let memory_mbytes = options.integer("memoryMbytes");
    let meter = |at: usize| meters.decimal(&COLUMNS[col::FIRST_METER + at].meter_key());
    let events = run.raw("chargedEventCounts").filter(|raw| raw.starts_with('{'));
    Metering {
        meters: std::array::from_fn::<_, METERS, _>(meter),
        compute_units: stats.decimal("computeUnits").map(|number| number.0),
        memory_mbytes: memory_mbytes.filter(|_| is_archived("options.memoryMbytes")),
        duration_millis: stats.integer("durationMillis"),
        resurrect_count: stats.integer("resurrectCount"),
        pricing_model: inner("pricingInfo").text("pricingModel"),
        charged_event_counts: events.map(compact),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_number_is_read_from_its_own_text() {
        let body = br#"{ "data": {"id":"r", "status":"SUCCEEDED", "finishedAt":"1970-01-01T00:00:00.007Z",
            "usageTotalUsd": 1.234567890123456789e-3, "usageUsd": {"ACTOR_COMPUTE_UNITS": 0.10, "DATASET_READS": null,
            "PROXY_SERPS": 3e-7, "NEW_METER": 1}, "stats": {"computeUnits": 0.13804, "durationMillis": 248472,
            "resurrectCount": 0}, "options": {"memoryMbytes": 1024}, "pricingInfo": {"pricingModel": "PAY_PER_EVENT"},
            "chargedEventCounts": {"actor-start": 1, "page": 150}}}"#;
        let DetailAnswer { id, detail } = decode(body).unwrap();
        assert_eq!(
            (id.as_str(), detail.status.as_str(), detail.finished_at_ms),
            ("r", "SUCCEEDED", Some(7))
        );
        assert_eq!(detail.usage, Some(Usd(1_234_567_890_123_457)));
        let metering = detail.metering;
        assert_eq!(metering.meters[0], Some(Usd(100_000_000_000_000_000)));
        assert_eq!(
            (metering.meters[1], metering.meters[11]),
            (None, Some(Usd(300_000_000_000)))
        );
        assert_eq!(metering.meters.iter().flatten().count(), 2);
        assert_eq!(metering.compute_units, Some(138_040_000_000_000_000));
        assert_eq!(
            (
                metering.memory_mbytes,
                metering.duration_millis,
                metering.resurrect_count
            ),
            (Some(1024), Some(248_472), Some(0))
        );
        assert_eq!(metering.pricing_model.as_deref(), Some("PAY_PER_EVENT"));
        assert_eq!(
            metering.charged_event_counts.as_deref(),
            Some(r#"{"actor-start":1,"page":150}"#)
        );
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_null_but_a_cost_that_is_no_number_is_an_error() {
        let run = |more: &str| decode(format!(r#"{{"data":{{"id":"r","status":"S"{more}}}}}"#).as_bytes());
        let odd =
            r#","usageTotalUsd":null,"usageUsd":7,"stats":[],"options":{"memoryMbytes":"1"},"chargedEventCounts":[1]"#;
        assert_eq!(run(odd).unwrap().detail, run("").unwrap().detail);
        assert_eq!(run("").unwrap().detail.usage, None);
        assert!(
            run(r#","usageTotalUsd":"0.1""#)
                .unwrap_err()
                .to_string()
                .contains("usageTotalUsd")
        );
    }

    #[test]
    fn what_is_no_run_is_an_error() {
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"data":null}"#,
            r#"{"data":{"id":"r"}}"#,
            r#"{"data":{"id":"r","status":""}}"#,
            r#"{"data":{"id":"r","status":"S"}"#,
        ] {
            assert!(decode(body.as_bytes()).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in ".*") {
            let _ = decode(body.as_bytes());
        }
    }
}
