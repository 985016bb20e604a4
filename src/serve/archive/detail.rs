//! A run as `GET /v2/actor-runs/{id}` has it: as in the list, with what its detail was asked for. The API's own clients need
//! members that no export keeps; those hold a neutral value, and are named in `notArchived`.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, RecordBatch};

use super::items::{Items, close, push, write_member, write_text};
use crate::money::Usd;
use crate::period::format_instant;
use crate::runs::schema::{COLUMNS, METERS, col};

/// The least that Apify gives to a run, and that the API's description of itself allows.
const LEAST_MEMORY_MBYTES: i64 = 128;

/// A run as an object. `user_id` is the account's, which is whose run it is if nobody else is named.
pub(super) fn write(items: &Items, row: usize, user_id: &str, json: &mut Vec<u8>) {
    let columns = Columns {
        batch: items.batch(),
        row,
    };
    let extra = items.extra(row);
    let mut missing = Vec::new();
    json.push(b'{');
    items.write_members(row, json);
    if columns.text("user_id").is_none() && !extra.contains_key("userId") {
        missing.push("userId");
        json.extend_from_slice(b"\"userId\":");
        write_text(user_id, json);
        json.push(b',');
    }
    if !extra.contains_key("generalAccess") {
        missing.push("generalAccess");
        write_member("generalAccess", r#""FOLLOW_USER_SETTING""#, json);
    }
    if !extra.contains_key("stats") {
        columns.write_stats(json);
    }
    if !extra.contains_key("options") {
        columns.write_options(&mut missing, json);
    }
    columns.write_meters(json);
    let started = items.started_at(row).map(format_instant).unwrap_or_default();
    columns.write_pricing(&started, &mut missing, json);
    if let Some(events) = columns.text("charged_event_counts") {
        write_member("chargedEventCounts", events, json);
    }
    write_not_archived(&missing, json);
    close(json, b'}');
}

/// Says which members hold no value of the API's.
pub(super) fn write_not_archived(missing: &[&str], json: &mut Vec<u8>) {
    if missing.is_empty() {
        return;
    }
    json.extend_from_slice(b"\"notArchived\":[");
    for name in missing {
        write_text(name, json);
        json.push(b',');
    }
    close(json, b']');
    json.push(b',');
}

struct Columns<'b> {
    batch: &'b RecordBatch,
    row: usize,
}

impl<'b> Columns<'b> {
    fn text(&self, name: &str) -> Option<&'b str> {
        let column = self.batch.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn integer(&self, name: &str) -> Option<i64> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn decimal(&self, name: &str) -> Option<Usd> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<Decimal128Type>()?;
        column.is_valid(self.row).then(|| Usd(column.value(self.row)))
    }

    fn write_stats(&self, json: &mut Vec<u8>) {
        json.extend_from_slice(b"\"stats\":{");
        for (name, column) in [
            ("durationMillis", "duration_millis"),
            ("resurrectCount", "resurrect_count"),
        ] {
            if let Some(number) = self.integer(column) {
                push(json, format_args!("\"{name}\":{number},"));
            }
        }
        if let Some(number) = self.decimal("compute_units") {
            push(json, format_args!("\"computeUnits\":{number},"));
        }
        close(json, b'}');
        json.push(b',');
    }

    fn write_options(&self, missing: &mut Vec<&str>, json: &mut Vec<u8>) {
        let memory = self.integer("memory_mbytes");
        missing.extend(["options.build", "options.timeoutSecs", "options.diskMbytes"]);
        if memory.is_none() {
            missing.push("options.memoryMbytes");
        }
        let memory = memory.unwrap_or(LEAST_MEMORY_MBYTES);
        push(
            json,
            format_args!(
                "\"options\":{{\"build\":\"\",\"timeoutSecs\":0,\"memoryMbytes\":{memory},\"diskMbytes\":0}},"
            ),
        );
    }

    fn write_meters(&self, json: &mut Vec<u8>) {
        let meters = COLUMNS[col::FIRST_METER..col::FIRST_METER + METERS].iter();
        let known: Vec<_> = meters
            .filter_map(|meter| Some((meter.meter_key(), self.decimal(meter.name)?)))
            .collect();
        if known.is_empty() {
            return;
        }
        json.extend_from_slice(b"\"usageUsd\":{");
        for (key, usd) in known {
            push(json, format_args!("\"{key}\":{usd},"));
        }
        close(json, b'}');
        json.push(b',');
    }

    fn write_pricing(&self, started: &str, missing: &mut Vec<&'static str>, json: &mut Vec<u8>) {
        let Some(model) = self.text("pricing_model") else {
            return;
        };
        missing.extend([
            "pricingInfo.apifyMarginPercentage",
            "pricingInfo.createdAt",
            "pricingInfo.startedAt",
        ]);
        json.extend_from_slice(b"\"pricingInfo\":{\"pricingModel\":");
        write_text(model, json);
        push(
            json,
            format_args!(",\"apifyMarginPercentage\":0,\"createdAt\":\"{started}\",\"startedAt\":\"{started}\","),
        );
        match model {
            "PAY_PER_EVENT" => {
                missing.push("pricingInfo.pricingPerEvent");
                write_member("pricingPerEvent", "{}", json);
            }
            "PRICE_PER_DATASET_ITEM" => {
                missing.extend(["pricingInfo.unitName", "pricingInfo.pricePerUnitUsd"]);
                json.extend_from_slice(br#""unitName":"","pricePerUnitUsd":0,"#);
            }
            "FLAT_PRICE_PER_MONTH" => {
                missing.extend(["pricingInfo.trialMinutes", "pricingInfo.pricePerUnitUsd"]);
                json.extend_from_slice(br#""trialMinutes":0,"pricePerUnitUsd":0,"#);
            }
            _ => {}
        }
        close(json, b'}');
        json.push(b',');
    }
}
