//! One run's detail, from its bytes to a value. Pure, and as exact as the list: every number is read from its own text.

use anyhow::{Context, anyhow};

use super::auxiliary::field_problem;
use super::json_object::JsonObject;
use super::members::{compact, string};
use super::whole_number::whole_number;
use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::detail::{Metering, RunDetail};
use crate::runs::schema::{COLUMNS, METERS, col};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailAnswer {
    /// The run's, which may be another than was asked for.
    pub id: String,
    pub detail: RunDetail,
    /// What is unknown since it is of another type than documented: its place, what was found, what was expected.
    pub mistyped: Vec<String>,
    /// The same of metering.
    pub mistyped_metering: Vec<String>,
}

/// Decodes the body of a detail's answer; an error means that it is none, or that its cost is no exact number.
pub fn decode(body: &[u8]) -> anyhow::Result<DetailAnswer> {
    let body = JsonObject::parse(body, "the body is not a run")?;
    let run = JsonObject::new(body.raw("data").context("the body is JSON without \"data\"")?);
    let text = |name: &str| run.text(name).filter(|text| !text.is_empty());
    let required = |name: &str| text(name).with_context(|| format!("the run has no {name:?}"));
    let usage = run.raw("usageTotalUsd").map(Usd::from_json_number).transpose();
    let usage = usage.map_err(|error| anyhow!("the run's usageTotalUsd {error}"))?;
    let finished = run.raw("finishedAt");
    let finished_at_ms = finished.and_then(|raw| parse_instant(&string(raw)?));
    let unread = finished.filter(|_| finished_at_ms.is_none());
    let unread = unread.map(|raw| field_problem("data.finishedAt", Some(raw), "an instant"));
    let mut fields = Fields::default();
    Ok(DetailAnswer {
        id: required("id")?,
        detail: RunDetail {
            status: required("status")?,
            finished_at_ms,
            usage,
            metering: metering(&run, &mut fields),
        },
        mistyped: unread.into_iter().collect(),
        mistyped_metering: fields.mistyped,
    })
}

/// The columns of its own; a field that isn't there, or of another type, is NULL.
fn metering(run: &JsonObject, fields: &mut Fields) -> Metering {
    let meters = fields.object(run, "usageUsd");
    let stats = fields.object(run, "stats");
    let options = fields.object(run, "options");
    let pricing = fields.object(run, "pricingInfo");
    // An archive that is served puts a neutral value where the API's own clients need one, and says so.
    let is_archived = |name: &str| {
        let quoted = format!("\"{name}\"");
        !run.raw("notArchived").is_some_and(|names| names.contains(&quoted))
    };
    let memory_mbytes = fields.read(&options, "options", "memoryMbytes", INTEGER, whole_number);
    let number = |raw: &str| Usd::from_json_number(raw).ok();
    let meter = |at: usize| {
        let key = COLUMNS[col::FIRST_METER + at].meter_key();
        fields.read(&meters, "usageUsd", &key, "a number", number)
    };
    Metering {
        meters: std::array::from_fn::<_, METERS, _>(meter),
        compute_units: fields
            .read(&stats, "stats", "computeUnits", "a number", number)
            .map(|number| number.0),
        memory_mbytes: memory_mbytes.filter(|_| is_archived("options.memoryMbytes")),
        duration_millis: fields.read(&stats, "stats", "durationMillis", INTEGER, whole_number),
        resurrect_count: fields.read(&stats, "stats", "resurrectCount", INTEGER, whole_number),
        pricing_model: fields.read(&pricing, "pricingInfo", "pricingModel", "a text", |raw| {
            string(raw).map(|text| text.into_owned())
        }),
        charged_event_counts: fields.raw_object(run, "chargedEventCounts").map(compact),
        max_total_charge: fields.read(&options, "options", "maxTotalChargeUsd", "a number", number),
    }
}

const INTEGER: &str = "a whole number";

/// Reads fields, and notes those that are of another type than documented.
#[derive(Default)]
struct Fields {
    mistyped: Vec<String>,
}

impl Fields {
    /// A member of the run's object `section`.
    fn read<T>(
        &mut self,
        object: &JsonObject,
        section: &str,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let raw = object.raw(name)?;
        let value = read(raw);
        if value.is_none() {
            let place = format!("data.{section}.{name}");
            self.mistyped.push(field_problem(&place, Some(raw), expected));
        }
        value
    }

    fn raw_object<'a>(&mut self, run: &JsonObject<'a>, name: &str) -> Option<&'a str> {
        let raw = run.raw(name)?;
        let is_object = raw.starts_with('{');
        if !is_object {
            let place = format!("data.{name}");
            self.mistyped.push(field_problem(&place, Some(raw), "an object"));
        }
        is_object.then_some(raw)
    }

    /// An object of the run; empty where it isn't there.
    fn object<'a>(&mut self, run: &JsonObject<'a>, name: &str) -> JsonObject<'a> {
        self.raw_object(run, name).map(JsonObject::new).unwrap_or_default()
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
            "resurrectCount": 0}, "options": {"memoryMbytes": 1024, "maxTotalChargeUsd": 2.50}, "pricingInfo": {"pricingModel": "PAY_PER_EVENT"},
            "chargedEventCounts": {"actor-start": 1, "page": 150}}}"#;
        let DetailAnswer {
            id,
            detail,
            mistyped,
            mistyped_metering,
        } = decode(body).unwrap();
        assert_eq!((mistyped.len(), mistyped_metering.len()), (0, 0));
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
        assert_eq!(metering.max_total_charge.unwrap().to_string(), "2.5");
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
        assert_eq!(
            run(odd).unwrap().mistyped_metering,
            [
                "data.usageUsd is 7; expected an object",
                "data.stats is an array; expected an object",
                "data.options.memoryMbytes is a text; expected a whole number",
                "data.chargedEventCounts is an array; expected an object",
            ]
        );
        assert_eq!(run("").unwrap().detail.usage, None);
        assert!(
            run(r#","usageTotalUsd":"0.1""#)
                .unwrap_err()
                .to_string()
                .contains("usageTotalUsd")
        );
        assert_eq!(
            run(r#","finishedAt":1757000000000"#).unwrap().mistyped,
            ["data.finishedAt is 1757000000000; expected an instant"]
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
