//! A run as `GET /v2/actor-runs/{id}` has it: as in the list, with what its detail was asked for. The API's own clients need
//! members that no export keeps; those hold a neutral value, and are named in `notArchived`.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use serde_json::json;

use super::items::RunItems;
use super::json::{close, push, write_member, write_object, write_text};
use crate::money::Usd;
use crate::period::format_instant;
use crate::runs::schema::{COLUMNS, METERS, col};

/// The least that Apify gives to a run, and that the API's OpenAPI description allows.
const LEAST_MEMORY_MBYTES: i64 = 128;

/// A run as a JSON object. `user_id` is the account's: it owns a run that names no other user.
pub(super) fn write(items: &RunItems, row: usize, user_id: &str, json: &mut Vec<u8>) {
    let run = DetailRow {
        batch: items.batch,
        row,
    };
    let extra = items.extra(row);
    let mut missing = Vec::new();
    json.push(b'{');
    items.write_members(row, json);
    if run.text("user_id").is_none() && !extra.contains_key("userId") {
        missing.push("userId");
        write_member("userId", &json!(user_id).to_string(), json);
    }
    if !extra.contains_key("generalAccess") {
        missing.push("generalAccess");
        write_member("generalAccess", r#""FOLLOW_USER_SETTING""#, json);
    }
    if !extra.contains_key("stats") {
        run.write_stats(json);
    }
    if !extra.contains_key("options") {
        run.write_options(&mut missing, json);
    }
    run.write_meters(json);
    run.write_pricing(&mut missing, json);
    if let Some(events) = run.text("charged_event_counts") {
        write_member("chargedEventCounts", events, json);
    }
    if !missing.is_empty() {
        write_member("notArchived", &json!(missing).to_string(), json);
    }
    close(json);
}

struct DetailRow<'b> {
    batch: &'b RecordBatch,
    row: usize,
}

impl<'b> DetailRow<'b> {
    fn text(&self, name: &str) -> Option<&'b str> {
        let column = self.batch.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn number<T: ArrowPrimitiveType>(&self, name: &str) -> Option<T::Native> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<T>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn decimal(&self, name: &str) -> Option<Usd> {
        self.number::<Decimal128Type>(name).map(Usd)
    }

    fn write_stats(&self, json: &mut Vec<u8>) {
        write_object("stats", json, |json| {
            for (name, column) in [
                ("durationMillis", "duration_millis"),
                ("resurrectCount", "resurrect_count"),
            ] {
                if let Some(number) = self.number::<Int64Type>(column) {
                    push(json, format_args!("\"{name}\":{number},"));
                }
            }
            if let Some(number) = self.decimal("compute_units") {
                push(json, format_args!("\"computeUnits\":{number},"));
            }
        });
    }

    fn write_options(&self, missing: &mut Vec<&str>, json: &mut Vec<u8>) {
        let memory = self.number::<Int64Type>("memory_mbytes");
        missing.extend(["options.build", "options.timeoutSecs", "options.diskMbytes"]);
        if memory.is_none() {
            missing.push("options.memoryMbytes");
        }
        let memory = memory.unwrap_or(LEAST_MEMORY_MBYTES);
        let limit = self.decimal("max_total_charge_usd");
        let limit = limit.map_or(String::new(), |usd| format!(r#","maxTotalChargeUsd":{usd}"#));
        let options = format!(r#"{{"build":"","timeoutSecs":0,"memoryMbytes":{memory},"diskMbytes":0{limit}}}"#);
        write_member("options", &options, json);
    }

    fn write_meters(&self, json: &mut Vec<u8>) {
        let meters = COLUMNS[col::FIRST_METER..col::FIRST_METER + METERS].iter();
        let known = meters.filter_map(|meter| Some((meter.meter_key(), self.decimal(meter.name)?)));
        let mut known = known.peekable();
        if known.peek().is_some() {
            write_object("usageUsd", json, |json| {
                known.for_each(|(key, usd)| push(json, format_args!("\"{key}\":{usd},")));
            });
        }
    }

    fn write_pricing(&self, missing: &mut Vec<&'static str>, json: &mut Vec<u8>) {
        let Some(model) = self.text("pricing_model") else {
            return;
        };
        missing.extend([
            "pricingInfo.apifyMarginPercentage",
            "pricingInfo.createdAt",
            "pricingInfo.startedAt",
        ]);
        let (of_model, neutral): (&[&str], &str) = match model {
            "PAY_PER_EVENT" => (&["pricingInfo.pricingPerEvent"], r#""pricingPerEvent":{},"#),
            "PRICE_PER_DATASET_ITEM" => (
                &["pricingInfo.unitName", "pricingInfo.pricePerUnitUsd"],
                r#""unitName":"","pricePerUnitUsd":0,"#,
            ),
            "FLAT_PRICE_PER_MONTH" => (
                &["pricingInfo.trialMinutes", "pricingInfo.pricePerUnitUsd"],
                r#""trialMinutes":0,"pricePerUnitUsd":0,"#,
            ),
            _ => (&[], ""),
        };
        missing.extend(of_model);
        let started = self.number::<TimestampMillisecondType>("started_at");
        let started = started.map(format_instant).unwrap_or_default();
        write_object("pricingInfo", json, |json| {
            json.extend_from_slice(b"\"pricingModel\":");
            write_text(model, json);
            push(
                json,
                format_args!(
                    ",\"apifyMarginPercentage\":0,\"createdAt\":\"{started}\",\"startedAt\":\"{started}\",{neutral}"
                ),
            );
        });
    }
}
