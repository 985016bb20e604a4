//! What Apify itself counts for a billing cycle, from its bytes to exact amounts. Pure; what of it belongs to runs is the
//! reconciliation's.

use anyhow::{Context, anyhow};
use serde_json::value::RawValue;

use super::json_object::JsonObject;
use crate::money::Usd;
use crate::period::{DAY_MS, Millis, parse_instant};

/// The usage of a billing cycle, by Apify's own keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthlyUsage {
    /// The cycle, `[from, to)`.
    pub from_ms: Millis,
    pub to_ms: Millis,
    pub services: Vec<Service>,
    /// The date as the API writes it, and all services before volume discount.
    pub days: Vec<(String, Usd)>,
    /// Of all services, before volume discount.
    pub before_discount: Usd,
    pub after_discount: Usd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Such as `ACTOR_COMPUTE_UNITS`.
    pub key: String,
    pub base: Usd,
    pub after_discount: Option<Usd>,
}

pub fn decode(body: &[u8]) -> anyhow::Result<MonthlyUsage> {
    let lacks = |what: &str| anyhow!("the body is not a monthly usage: it lacks {what}");
    let body = JsonObject::parse(body, "the body is not a monthly usage")?;
    let data = JsonObject::new(body.raw("data").ok_or_else(|| lacks("data"))?);
    let cycle = JsonObject::new(data.raw("usageCycle").ok_or_else(|| lacks("usageCycle"))?);
    let instant = |name: &str| cycle.text(name).and_then(|text| parse_instant(&text));
    let edges = instant("startAt").zip(instant("endAt"));
    let (from_ms, end_ms) = edges.ok_or_else(|| lacks("startAt or endAt"))?;
    let services = data.raw("monthlyServiceUsage").filter(|raw| raw.starts_with('{'));
    let services = services_of(services.ok_or_else(|| lacks("monthlyServiceUsage"))?)?;
    let total = |name: &str| data.decimal(name).ok_or_else(|| lacks(name));
    Ok(MonthlyUsage {
        from_ms,
        to_ms: after_last_second(end_ms),
        services,
        days: days(data.raw("dailyServiceUsages").unwrap_or("[]")),
        before_discount: total("totalUsageCreditsUsdBeforeVolumeDiscount")?,
        after_discount: total("totalUsageCreditsUsdAfterVolumeDiscount")?,
    })
}

/// The midnight after a day's last second, where the documentation's cycles end; any other instant is an end by itself.
fn after_last_second(end_ms: Millis) -> Millis {
    let next_midnight = (end_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
    let is_last_second = next_midnight - end_ms <= 1000;
    if is_last_second { next_midnight } else { end_ms }
}

/// Services in their order; of several with one key the last counts.
fn services_of(raw: &str) -> anyhow::Result<Vec<Service>> {
    let mut services: Vec<Service> = Vec::new();
    let mut sum = Usd::default();
    for (key, raw) in JsonObject::new(raw).members() {
        let service = JsonObject::new(raw);
        let unreadable = || format!("the body is not a monthly usage: {key} has no readable baseAmountUsd");
        let base = service.decimal("baseAmountUsd").with_context(unreadable)?;
        let fits = sum.checked_add(Usd(base.0.saturating_abs()));
        sum = fits.context("the body is not a monthly usage: the sum of its amounts has more than 38 digits")?;
        services.retain(|service| service.key != key);
        services.push(Service {
            after_discount: service.decimal("amountAfterVolumeDiscountUsd"),
            base,
            key,
        });
    }
    Ok(services)
}

/// Days are for comparison by eye alone: one that can't be read is left out.
fn days(raw: &str) -> Vec<(String, Usd)> {
    let days: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    let day = |day: &&RawValue| {
        let day = JsonObject::new(day.get());
        let date = day.text("date")?.get(..10)?.to_string();
        Some((date, day.decimal("totalUsageCreditsUsd")?))
    };
    days.iter().filter_map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str = r#"{"data":{"usageCycle":{"startAt":"2025-09-02T00:00:00.000Z","endAt":"2025-10-01T23:59:59.999Z"},
        "monthlyServiceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":60,"baseAmountUsd":1.50,"amountAfterVolumeDiscountUsd":1.4},
        "DATASET_TIMED_STORAGE_GBYTE_HOURS":{"quantity":1e3,"baseAmountUsd":2.5e-1}},
        "dailyServiceUsages":[{"date":"2025-09-02T00:00:00.000Z","serviceUsage":{},"totalUsageCreditsUsd":0.1},{"date":7}],
        "totalUsageCreditsUsdBeforeVolumeDiscount":1.75,"totalUsageCreditsUsdAfterVolumeDiscount":1.65}}"#;

    #[test]
    fn a_cycle_is_read_exactly() {
        let usage = decode(USAGE.as_bytes()).unwrap();
        assert_eq!((usage.from_ms, usage.to_ms), (1_756_771_200_000, 1_759_363_200_000));
        let services: Vec<_> = usage
            .services
            .iter()
            .map(|s| (s.key.as_str(), s.base.to_string()))
            .collect();
        let expected = [
            ("ACTOR_COMPUTE_UNITS", "1.5"),
            ("DATASET_TIMED_STORAGE_GBYTE_HOURS", "0.25"),
        ];
        assert_eq!(services, expected.map(|(key, usd)| (key, usd.to_string())));
        assert_eq!(
            usage.days,
            [("2025-09-02".to_string(), Usd::from_json_number("0.1").unwrap())]
        );
        assert_eq!(
            (usage.before_discount.to_string(), usage.after_discount.to_string()),
            ("1.75".into(), "1.65".into())
        );
    }

    #[test]
    fn what_is_no_usage_is_an_error_that_names_what_it_lacks() {
        for (lacking, with) in [
            ("baseAmountUsd\":1.50", "base\":1.50"),
            ("\":1.50", "\":1e300"),
            ("\"monthlyServiceUsage\":", "\"monthlyServiceUsage\":[],\"x\":"),
            ("startAt", "start"),
            ("UsdBeforeVolume", "Usd"),
        ] {
            let error = decode(USAGE.replacen(lacking, with, 1).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains("not a monthly usage"), "{error}");
        }
        let twice = USAGE.replacen(
            "\"DATASET_TIMED",
            "\"ACTOR_COMPUTE_UNITS\":{\"baseAmountUsd\":2},\"DATASET_TIMED",
            1,
        );
        let services = decode(twice.as_bytes()).unwrap().services;
        assert_eq!((services.len(), services[0].base.to_string()), (2, "2".into()));
        let large = USAGE.replacen("1.50", "90000000000000000000", 1);
        let large = large.replacen("2.5e-1", "90000000000000000000", 1);
        assert!(decode(large.as_bytes()).unwrap_err().to_string().contains("38 digits"));
        let short = USAGE.replacen("23:59:59.999Z", "23:59:59Z", 1);
        assert_eq!(decode(short.as_bytes()).unwrap().to_ms, 1_759_363_200_000);
        let whole = USAGE.replacen("2025-10-01T23:59:59.999Z", "2025-10-02T00:00:00Z", 1);
        assert_eq!(decode(whole.as_bytes()).unwrap().to_ms, 1_759_363_200_000);
        assert!(decode(b"{}").unwrap_err().to_string().contains("data"));
        assert!(decode(b"<html>").is_err());
    }
}
