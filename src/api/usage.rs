//! What Apify itself counts for a billing cycle, from its bytes to exact amounts. Pure; what of it belongs to runs is the
//! reconciliation's.

use anyhow::{Context, anyhow};
use chrono::NaiveDate;
use serde_json::value::RawValue;

use super::auxiliary::field_problem;
use super::json_object::JsonObject;
use crate::money::Usd;
use crate::period::{DAY_MS, Millis, parse_instant};
use crate::text::counted;

/// Most fields that could not be read and are named; those beyond are counted.
const MAX_NAMED: usize = 20;

/// The usage of a billing cycle, by Apify's own keys. What the answer lacks is unknown, and named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthlyUsage {
    /// The cycle, `[from, to)`.
    pub from_ms: Millis,
    pub to_ms: Millis,
    /// None where the answer has no services that could be read.
    pub services: Option<Vec<Service>>,
    /// In the API's order; none where the answer has no days that could be read.
    pub days: Option<Vec<DayOfUsage>>,
    /// Of all services, before volume discount.
    pub before_discount: Option<Usd>,
    pub after_discount: Option<Usd>,
    /// What could not be read: the field's place, what was found, what was expected.
    pub unknown: Vec<String>,
}

/// What Apify counts for a day, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfUsage {
    /// Such as `2025-09-02`.
    pub date: String,
    /// None where the day has no services that could be read.
    pub services: Option<Vec<Service>>,
    /// Of all services, as the API adds them up: after volume discount.
    pub total: Option<Usd>,
}

impl DayOfUsage {
    /// Its US dollars before volume discount; where its services don't tell them, those that the API adds up.
    pub fn before_discount(&self) -> Option<Usd> {
        let services = self.services.as_ref().filter(|services| !services.is_empty());
        let sum = services.and_then(|services| {
            let mut amounts = services.iter().map(|service| service.base);
            amounts.try_fold(Usd::default(), |sum, usd| Some(sum.saturating_add(usd?)))
        });
        sum.or(self.total)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Such as `ACTOR_COMPUTE_UNITS`.
    pub key: String,
    /// An exact decimal, in the service's own unit.
    pub quantity: Option<Usd>,
    /// US dollars before volume discount.
    pub base: Option<Usd>,
    pub after_discount: Option<Usd>,
}

/// Reads an answer; an error where it doesn't say which cycle it is of, or where its amounts together can't be counted.
pub fn decode(body: &[u8]) -> anyhow::Result<MonthlyUsage> {
    let body = JsonObject::parse(body, "the body is not a monthly usage")?;
    let mut reader = UsageReader::default();
    let raw = body.raw("data").filter(|raw| raw.starts_with('{'));
    let raw = raw.ok_or_else(|| anyhow!(field_problem("data", body.raw("data"), "an object")))?;
    let data = JsonObject::new(raw);
    let cycle = JsonObject::new(data.raw("usageCycle").unwrap_or("{}"));
    let edge = |name: &str| {
        let instant = cycle.text(name).and_then(|text| parse_instant(&text));
        let place = format!("data.usageCycle.{name}");
        instant.ok_or_else(|| anyhow!(field_problem(&place, cycle.raw(name), "an instant")))
    };
    let (from_ms, end_ms) = (edge("startAt")?, edge("endAt")?);
    let raw = data.raw("monthlyServiceUsage");
    let services = match raw.filter(|raw| raw.starts_with('{')) {
        Some(raw) => Some(reader.services(raw, "data.monthlyServiceUsage")?),
        None => {
            reader.note("data.monthlyServiceUsage", raw, "an object");
            None
        }
    };
    let mut total = |name: &str| reader.decimal(&data, "data", name);
    let before_discount = total("totalUsageCreditsUsdBeforeVolumeDiscount");
    let after_discount = total("totalUsageCreditsUsdAfterVolumeDiscount");
    Ok(MonthlyUsage {
        from_ms,
        to_ms: after_last_second(end_ms),
        services,
        days: reader.days(data.raw("dailyServiceUsages"))?,
        before_discount,
        after_discount,
        unknown: reader.finish(),
    })
}

/// Reads fields, and notes those that can't be read.
#[derive(Default)]
struct UsageReader {
    unknown: Vec<String>,
    /// Those beyond the ones that are named.
    more: u64,
}

impl UsageReader {
    fn note(&mut self, place: &str, found: Option<&str>, expected: &str) {
        if self.unknown.len() < MAX_NAMED {
            self.unknown.push(field_problem(place, found, expected));
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.unknown.push(counted(self.more, "other field", "other fields"));
        }
        self.unknown
    }

    fn decimal(&mut self, object: &JsonObject, place: &str, name: &str) -> Option<Usd> {
        let usd = object.decimal(name);
        if usd.is_none() {
            self.note(&format!("{place}.{name}"), object.raw(name), "an amount");
        }
        usd
    }

    /// Services in their order; of several with one key the last counts.
    fn services(&mut self, raw: &str, within: &str) -> anyhow::Result<Vec<Service>> {
        let mut services: Vec<Service> = Vec::new();
        let mut sum = Usd::default();
        for (key, raw) in JsonObject::new(raw).members() {
            let service = JsonObject::new(raw);
            let place = format!("{within}.{key}");
            let base = self.decimal(&service, &place, "baseAmountUsd");
            let fits = sum.checked_add(Usd(base.unwrap_or_default().0.saturating_abs()));
            sum = fits.with_context(|| format!("the sum of the amounts of {within} has more than 38 digits"))?;
            let after_discount = service.decimal("amountAfterVolumeDiscountUsd");
            let found = service
                .raw("amountAfterVolumeDiscountUsd")
                .filter(|_| after_discount.is_none());
            if found.is_some() {
                self.note(&format!("{place}.amountAfterVolumeDiscountUsd"), found, "an amount");
            }
            services.retain(|service| service.key != key);
            services.push(Service {
                quantity: service.decimal("quantity"),
                after_discount,
                base,
                key,
            });
        }
        Ok(services)
    }

    /// A day whose date can't be read is left out.
    fn days(&mut self, raw: Option<&str>) -> anyhow::Result<Option<Vec<DayOfUsage>>> {
        let days = raw.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw).ok());
        let Some(days) = days else {
            self.note("data.dailyServiceUsages", raw, "an array");
            return Ok(None);
        };
        let mut read = Vec::with_capacity(days.len());
        for (at, day) in days.iter().enumerate() {
            let (place, day) = (format!("data.dailyServiceUsages[{at}]"), JsonObject::new(day.get()));
            let date = day.text("date").and_then(|date| date_of(&date));
            let Some(date) = date else {
                self.note(&format!("{place}.date"), day.raw("date"), "a date");
                continue;
            };
            let (within, raw) = (format!("{place}.serviceUsage"), day.raw("serviceUsage"));
            let services = match raw.filter(|raw| raw.starts_with('{')) {
                Some(raw) => Some(self.services(raw, &within)?),
                None => {
                    self.note(&within, raw, "an object");
                    None
                }
            };
            read.push(DayOfUsage {
                date,
                services,
                total: self.decimal(&day, &place, "totalUsageCreditsUsd"),
            });
        }
        Ok(Some(read))
    }
}

/// The day of a date or an instant, in UTC.
fn date_of(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let is_date = NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok();
    is_date.then(|| day.to_string())
}

/// The midnight after a day's last second, where the documentation's cycles end; any other instant is an end by itself.
fn after_last_second(end_ms: Millis) -> Millis {
    let next_midnight = (end_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
    let is_last_second = next_midnight - end_ms <= 1000;
    if is_last_second { next_midnight } else { end_ms }
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
            .flatten()
            .map(|s| (s.key.as_str(), s.base.unwrap().to_string()))
            .collect();
        let expected = [
            ("ACTOR_COMPUTE_UNITS", "1.5"),
            ("DATASET_TIMED_STORAGE_GBYTE_HOURS", "0.25"),
        ];
        assert_eq!(services, expected.map(|(key, usd)| (key, usd.to_string())));
        assert_eq!(
            usage.days.unwrap(),
            [DayOfUsage {
                date: "2025-09-02".into(),
                services: Some(Vec::new()),
                total: Some(Usd::from_json_number("0.1").unwrap()),
            }]
        );
        assert_eq!(
            [usage.before_discount, usage.after_discount].map(|usd| usd.unwrap().to_string()),
            ["1.75", "1.65"].map(String::from)
        );
        assert_eq!(
            usage.unknown,
            ["data.dailyServiceUsages[1].date is 7; expected a date",]
        );
    }

    #[test]
    fn what_a_usage_lacks_is_unknown_and_named_and_the_rest_is_there() {
        let with = |lacking: &str, with: &str| decode(USAGE.replacen(lacking, with, 1).as_bytes()).unwrap();
        let names = |usage: &MonthlyUsage, problem: &str| assert_eq!(usage.unknown[0], problem);
        for (lacking, instead, found) in [
            ("baseAmountUsd\":1.50", "base\":1.50", "missing"),
            ("\":1.50", "\":1e300", "1e300"),
            ("\":1.50", "\":\"1.50\"", "a text"),
            ("\":1.50", "\":null", "missing"),
        ] {
            let usage = with(lacking, instead);
            let place = "data.monthlyServiceUsage.ACTOR_COMPUTE_UNITS.baseAmountUsd";
            names(&usage, &format!("{place} is {found}; expected an amount"));
            let services = usage.services.unwrap();
            assert_eq!((services.len(), services[0].base), (2, None));
            assert_eq!(services[1].base.unwrap().to_string(), "0.25");
        }
        let usage = with("\"monthlyServiceUsage\":", "\"monthlyServiceUsage\":[],\"x\":");
        names(&usage, "data.monthlyServiceUsage is an array; expected an object");
        assert_eq!((usage.services, usage.before_discount.is_some()), (None, true));
        let usage = with("UsdBeforeVolume", "Usd");
        assert_eq!((usage.before_discount, usage.after_discount.is_some()), (None, true));
        let place = "data.totalUsageCreditsUsdBeforeVolumeDiscount";
        names(&usage, &format!("{place} is missing; expected an amount"));
        let usage = with("\"dailyServiceUsages\":[", "\"dailyServiceUsages\":7,\"x\":[");
        names(&usage, "data.dailyServiceUsages is 7; expected an array");
        let usage = with(
            "amountAfterVolumeDiscountUsd\":1.4",
            "amountAfterVolumeDiscountUsd\":[]",
        );
        assert_eq!(usage.services.unwrap()[0].after_discount, None);
    }

    #[test]
    fn a_day_s_services_are_read_as_the_month_s_and_what_it_lacks_is_named() {
        let day = |fields: &str| {
            let days = format!("\"dailyServiceUsages\":[{{\"date\":\"2025-09-02\",{fields}}}],\"x\":[");
            decode(USAGE.replacen("\"dailyServiceUsages\":[", &days, 1).as_bytes()).unwrap()
        };
        let usage = day(
            r#""serviceUsage":{"PROXY_SERPS":{"quantity":2.5,"baseAmountUsd":0.75},"NEW":{"quantity":"2"}},"totalUsageCreditsUsd":1"#,
        );
        let services = usage.days.unwrap().remove(0).services.unwrap();
        let text = |usd: Option<Usd>| usd.map(|usd| usd.to_string());
        let read: Vec<_> = services
            .iter()
            .map(|s| (s.key.as_str(), text(s.quantity), text(s.base)))
            .collect();
        assert_eq!(
            read,
            [
                ("PROXY_SERPS", Some("2.5".into()), Some("0.75".into())),
                ("NEW", None, None)
            ]
        );
        let place = "data.dailyServiceUsages[0].serviceUsage";
        assert_eq!(
            usage.unknown,
            [format!("{place}.NEW.baseAmountUsd is missing; expected an amount")]
        );
        let usage = day(r#""serviceUsage":[],"totalUsageCreditsUsd":1"#);
        assert_eq!(usage.days.unwrap()[0].services, None);
        assert_eq!(usage.unknown, [format!("{place} is an array; expected an object")]);
        let absent = decode(USAGE.replacen("dailyServiceUsages", "x", 1).as_bytes()).unwrap();
        assert_eq!(absent.days, None);
    }

    #[test]
    fn fields_that_cannot_be_read_are_named_up_to_a_bound() {
        let services: Vec<String> = (0..25).map(|at| format!("\"S{at}\":{{}}")).collect();
        let usage = USAGE.replacen(
            "monthlyServiceUsage\":{",
            &format!("monthlyServiceUsage\":{{{},", services.join(",")),
            1,
        );
        let unknown = decode(usage.as_bytes()).unwrap().unknown;
        // 25 amounts and a date.
        assert_eq!((unknown.len(), unknown[20].as_str()), (21, "6 other fields"));
    }

    #[test]
    fn what_says_no_cycle_or_has_amounts_beyond_measure_is_an_error() {
        let error = |text: &str| decode(text.as_bytes()).unwrap_err().to_string();
        let start = error(&USAGE.replacen("startAt", "start", 1));
        assert_eq!(start, "data.usageCycle.startAt is missing; expected an instant");
        assert!(error(&USAGE.replacen("usageCycle", "cycle", 1)).contains("data.usageCycle.startAt is missing"));
        let large = USAGE.replacen("1.50", "90000000000000000000", 1);
        let large = large.replacen("2.5e-1", "90000000000000000000", 1);
        assert!(error(&large).contains("38 digits"));
        assert_eq!(error("{}"), "data is missing; expected an object");
        assert!(error("<html>").contains("not a monthly usage"));
    }

    #[test]
    fn of_two_services_with_one_key_the_last_counts_and_an_end_is_a_midnight() {
        let twice = USAGE.replacen(
            "\"DATASET_TIMED",
            "\"ACTOR_COMPUTE_UNITS\":{\"baseAmountUsd\":2},\"DATASET_TIMED",
            1,
        );
        let services = decode(twice.as_bytes()).unwrap().services.unwrap();
        assert_eq!((services.len(), services[0].base.unwrap().to_string()), (2, "2".into()));
        let short = USAGE.replacen("23:59:59.999Z", "23:59:59Z", 1);
        assert_eq!(decode(short.as_bytes()).unwrap().to_ms, 1_759_363_200_000);
        let whole = USAGE.replacen("2025-10-01T23:59:59.999Z", "2025-10-02T00:00:00Z", 1);
        assert_eq!(decode(whole.as_bytes()).unwrap().to_ms, 1_759_363_200_000);
    }
}
