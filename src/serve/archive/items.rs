//! Runs as the API's lists have them, from the columns of an export: money as it is kept, `meta` nested again, what the API
//! gave besides put back, and NULL a member that isn't there.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use serde_json::value::RawValue;

use crate::money::Usd;
use crate::period::{format_instant, instant_bytes};

/// The columns that lists are made of.
pub(super) const LISTED: [&str; 20] = [
    "id",
    "act_id",
    "user_id",
    "actor_task_id",
    "status",
    "started_at",
    "finished_at",
    "build_id",
    "build_number",
    "build_number_int",
    "meta_origin",
    "meta_client_ip",
    "meta_user_agent",
    "meta_schedule_id",
    "meta_scheduled_at",
    "usage_total_usd",
    "default_key_value_store_id",
    "default_dataset_id",
    "default_request_queue_id",
    "extra",
];

/// What the API gave besides, by name.
pub(super) type Extra<'a> = indexmap::IndexMap<String, &'a RawValue>;

/// The columns of some runs.
pub(super) struct Items<'b> {
    batch: &'b RecordBatch,
    texts: [(&'static str, Option<&'b StringArray>); 5],
    finished_at: Option<&'b TimestampMillisecondArray>,
    started_at: Option<&'b TimestampMillisecondArray>,
    build: [(&'static str, Option<&'b StringArray>); 2],
    build_number_int: Option<&'b Int64Array>,
    meta: [(&'static str, Option<&'b StringArray>); 4],
    scheduled_at: Option<&'b TimestampMillisecondArray>,
    usage: Option<&'b Decimal128Array>,
    stores: [(&'static str, Option<&'b StringArray>); 3],
    extra: Option<&'b StringArray>,
}

impl<'b> Items<'b> {
    /// Of a batch of an export's rows.
    pub(super) fn of(batch: &'b RecordBatch) -> Items<'b> {
        let text = |name: &str| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>())
        };
        let instant = |name: &str| {
            let column = batch.column_by_name(name);
            column.and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>())
        };
        Items {
            texts: [
                ("id", text("id")),
                ("actId", text("act_id")),
                ("userId", text("user_id")),
                ("actorTaskId", text("actor_task_id")),
                ("status", text("status")),
            ],
            started_at: instant("started_at"),
            finished_at: instant("finished_at"),
            build: [("buildId", text("build_id")), ("buildNumber", text("build_number"))],
            build_number_int: batch
                .column_by_name("build_number_int")
                .and_then(|column| column.as_primitive_opt::<Int64Type>()),
            meta: [
                ("origin", text("meta_origin")),
                ("clientIp", text("meta_client_ip")),
                ("userAgent", text("meta_user_agent")),
                ("scheduleId", text("meta_schedule_id")),
            ],
            scheduled_at: instant("meta_scheduled_at"),
            usage: batch
                .column_by_name("usage_total_usd")
                .and_then(|column| column.as_primitive_opt::<Decimal128Type>()),
            stores: [
                ("defaultKeyValueStoreId", text("default_key_value_store_id")),
                ("defaultDatasetId", text("default_dataset_id")),
                ("defaultRequestQueueId", text("default_request_queue_id")),
            ],
            extra: text("extra"),
            batch,
        }
    }

    /// The batch.
    pub(super) fn batch(&self) -> &'b RecordBatch {
        self.batch
    }

    /// A run's ID.
    pub(super) fn id(&self, row: usize) -> &'b str {
        self.texts[0].1.map_or("", |ids| ids.value(row))
    }

    /// When it started.
    pub(super) fn started_at(&self, row: usize) -> Option<i64> {
        self.started_at.filter(|at| at.is_valid(row)).map(|at| at.value(row))
    }

    /// What the API gave besides; nothing where that makes no sense.
    pub(super) fn extra(&self, row: usize) -> Extra<'b> {
        let text = self
            .extra
            .filter(|extra| extra.is_valid(row))
            .map(|extra| extra.value(row));
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// Appends a run as an object.
    pub(super) fn write(&self, row: usize, json: &mut Vec<u8>) {
        json.push(b'{');
        self.write_members(row, json);
        close(json, b'}');
    }

    /// Appends its members, a comma after each.
    pub(super) fn write_members(&self, row: usize, json: &mut Vec<u8>) {
        let mut extra = match self.extra {
            Some(column) if column.is_valid(row) => self.extra(row),
            _ => Extra::new(),
        };
        write_texts(&self.texts, row, json);
        write_instant("startedAt", self.started_at, row, json);
        write_instant("finishedAt", self.finished_at, row, json);
        write_texts(&self.build, row, json);
        if let Some(number) = self.build_number_int.filter(|numbers| numbers.is_valid(row)) {
            write_name("buildNumberInt", json);
            push(json, format_args!("{},", number.value(row)));
        }
        self.write_meta(row, extra.shift_remove("meta"), json);
        if let Some(usage) = self.usage.filter(|usage| usage.is_valid(row)) {
            write_name("usageTotalUsd", json);
            push(json, format_args!("{},", Usd(usage.value(row))));
        }
        write_texts(&self.stores, row, json);
        for (name, value) in extra.iter().filter(|(name, _)| !self.is_told(name, row)) {
            write_member(name, value.get(), json);
        }
    }

    /// Whether a column tells a member: what an export keeps besides is none of those.
    fn is_told(&self, name: &str, row: usize) -> bool {
        let mut texts = self.texts.iter().chain(&self.build).chain(&self.stores);
        let is_valid = |column: Option<&dyn Array>| column.is_some_and(|column| column.is_valid(row));
        match name {
            "startedAt" => is_valid(self.started_at.map(|column| column as &dyn Array)),
            "finishedAt" => is_valid(self.finished_at.map(|column| column as &dyn Array)),
            "buildNumberInt" => is_valid(self.build_number_int.map(|column| column as &dyn Array)),
            "usageTotalUsd" => is_valid(self.usage.map(|column| column as &dyn Array)),
            _ => texts.any(|(told, column)| *told == name && column.is_some_and(|column| column.is_valid(row))),
        }
    }

    fn write_meta(&self, row: usize, extra: Option<&RawValue>, json: &mut Vec<u8>) {
        write_name("meta", json);
        let members = match extra.map(|meta| (meta.get(), serde_json::from_str(meta.get()))) {
            None => Extra::new(),
            Some((_, Ok(members))) => members,
            // It was no object, and is known by what it was.
            Some((other, Err(_))) => {
                json.extend_from_slice(other.as_bytes());
                json.push(b',');
                return;
            }
        };
        json.push(b'{');
        write_texts(&self.meta, row, json);
        write_instant("scheduledAt", self.scheduled_at, row, json);
        let is_told = |name: &str| {
            let mut texts = self.meta.iter();
            texts.any(|(told, column)| *told == name && column.is_some_and(|column| column.is_valid(row)))
                || name == "scheduledAt" && self.scheduled_at.is_some_and(|column| column.is_valid(row))
        };
        for (name, value) in members.iter().filter(|(name, _)| !is_told(name)) {
            write_member(name, value.get(), json);
        }
        close(json, b'}');
        json.push(b',');
    }
}

/// Puts an end in the place of the comma after the last member, if there is one.
pub(super) fn close(json: &mut Vec<u8>, end: u8) {
    match json.last_mut() {
        Some(last) if *last == b',' => *last = end,
        _ => json.push(end),
    }
}

/// Appends a member whose value is JSON.
pub(super) fn write_member(name: &str, value: &str, json: &mut Vec<u8>) {
    write_text(name, json);
    json.push(b':');
    json.extend_from_slice(value.as_bytes());
    json.push(b',');
}

/// A name that needs no escapes.
fn write_name(name: &'static str, json: &mut Vec<u8>) {
    json.push(b'"');
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
}

fn write_texts(columns: &[(&'static str, Option<&StringArray>)], row: usize, json: &mut Vec<u8>) {
    for (name, column) in columns {
        if let Some(column) = column.filter(|column| column.is_valid(row)) {
            write_name(name, json);
            write_text(column.value(row), json);
            json.push(b',');
        }
    }
}

fn write_instant(name: &'static str, column: Option<&TimestampMillisecondArray>, row: usize, json: &mut Vec<u8>) {
    let Some(column) = column.filter(|column| column.is_valid(row)) else {
        return;
    };
    write_name(name, json);
    json.push(b'"');
    match instant_bytes(column.value(row)) {
        Some(text) => json.extend_from_slice(&text),
        None => json.extend_from_slice(format_instant(column.value(row)).as_bytes()),
    }
    json.extend_from_slice(b"\",");
}

/// Appends a text in quotes.
pub(super) fn write_text(text: &str, json: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
        return;
    }
    serde_json::to_writer(json, text).expect("a text is JSON, and memory can be written to");
}

/// Appends what is formatted.
pub(super) fn push(json: &mut Vec<u8>, text: std::fmt::Arguments) {
    json.write_fmt(text).expect("memory can be written to");
}
