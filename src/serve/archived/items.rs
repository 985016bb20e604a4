//! Runs as the API's lists have them, from the columns of an export: money as it is kept, `meta` nested again, what the API
//! gave besides put back, and NULL a member that isn't there.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_buffer::NullBuffer;
use serde_json::value::RawValue;

use super::json::{close, push, write_member, write_name, write_object, write_text};
use crate::money::Usd;
use crate::period::{format_instant, instant_bytes};

/// Members of a run and their columns, in the order in which they are written: those before `meta`, those in it, those after.
const HEAD: [(&str, &str); 10] = [
    ("id", "id"),
    ("actId", "act_id"),
    ("userId", "user_id"),
    ("actorTaskId", "actor_task_id"),
    ("status", "status"),
    ("startedAt", "started_at"),
    ("finishedAt", "finished_at"),
    ("buildId", "build_id"),
    ("buildNumber", "build_number"),
    ("buildNumberInt", "build_number_int"),
];
const META: [(&str, &str); 5] = [
    ("origin", "meta_origin"),
    ("clientIp", "meta_client_ip"),
    ("userAgent", "meta_user_agent"),
    ("scheduleId", "meta_schedule_id"),
    ("scheduledAt", "meta_scheduled_at"),
];
const TAIL: [(&str, &str); 4] = [
    ("usageTotalUsd", "usage_total_usd"),
    ("defaultKeyValueStoreId", "default_key_value_store_id"),
    ("defaultDatasetId", "default_dataset_id"),
    ("defaultRequestQueueId", "default_request_queue_id"),
];
/// The column of the members that no other column has, as a JSON object.
const EXTRA: &str = "extra";

pub(super) fn listed_columns() -> Vec<&'static str> {
    let members = HEAD.iter().chain(&META).chain(&TAIL);
    members.map(|(_, column)| *column).chain([EXTRA]).collect()
}

pub(super) type Extra<'a> = indexmap::IndexMap<String, &'a RawValue>;

pub(super) struct RunItems<'b> {
    pub(super) batch: &'b RecordBatch,
    head: Vec<ItemMember<'b>>,
    meta: Vec<ItemMember<'b>>,
    tail: Vec<ItemMember<'b>>,
    extra: Option<&'b StringArray>,
}

struct ItemMember<'b> {
    name: &'static str,
    values: MemberValues<'b>,
    nulls: Option<&'b NullBuffer>,
}

enum MemberValues<'b> {
    Text(&'b StringArray),
    Instant(&'b TimestampMillisecondArray),
    Integer(&'b Int64Array),
    Usd(&'b Decimal128Array),
}

impl<'b> RunItems<'b> {
    /// Of a batch of an export's rows; columns that it lacks are members that no run has.
    pub(super) fn new(batch: &'b RecordBatch) -> RunItems<'b> {
        let members = |table: &[(&'static str, &str)]| {
            let members = table.iter().map(|(name, column)| ItemMember::new(batch, name, column));
            members.flatten().collect()
        };
        RunItems {
            head: members(&HEAD),
            meta: members(&META),
            tail: members(&TAIL),
            extra: batch.column_by_name(EXTRA).and_then(|extra| extra.as_string_opt()),
            batch,
        }
    }

    /// The members that no column has.
    pub(super) fn extra(&self, row: usize) -> Extra<'b> {
        let extra = self.extra.filter(|extra| extra.is_valid(row));
        let extra = extra.and_then(|extra| serde_json::from_str(extra.value(row)).ok());
        extra.unwrap_or_default()
    }

    pub(super) fn write(&self, row: usize, json: &mut Vec<u8>) {
        json.push(b'{');
        self.write_members(row, json);
        close(json);
    }

    /// Appends its members, a comma after each.
    pub(super) fn write_members(&self, row: usize, json: &mut Vec<u8>) {
        let mut extra = self.extra(row);
        write_all(&self.head, row, json);
        self.write_meta(row, extra.shift_remove("meta"), json);
        write_all(&self.tail, row, json);
        write_others(&extra, self.head.iter().chain(&self.tail), row, json);
    }

    fn write_meta(&self, row: usize, extra: Option<&RawValue>, json: &mut Vec<u8>) {
        let extra = extra.map(RawValue::get);
        match extra.map_or(Ok(Extra::new()), serde_json::from_str) {
            Ok(extra) => write_object("meta", json, |json| {
                write_all(&self.meta, row, json);
                write_others(&extra, self.meta.iter(), row, json);
            }),
            // It was no JSON object, and is returned unchanged.
            Err(_) => write_member("meta", extra.unwrap_or_default(), json),
        }
    }
}

impl<'b> ItemMember<'b> {
    fn new(batch: &'b RecordBatch, name: &'static str, column: &str) -> Option<ItemMember<'b>> {
        let column = batch.column_by_name(column)?;
        let text = column.as_string_opt().map(MemberValues::Text);
        let instant = || {
            Some(MemberValues::Instant(
                column.as_primitive_opt::<TimestampMillisecondType>()?,
            ))
        };
        let integer = || Some(MemberValues::Integer(column.as_primitive_opt::<Int64Type>()?));
        let usd = || Some(MemberValues::Usd(column.as_primitive_opt::<Decimal128Type>()?));
        Some(ItemMember {
            name,
            values: text.or_else(instant).or_else(integer).or_else(usd)?,
            nulls: column.nulls(),
        })
    }

    fn has_value(&self, row: usize) -> bool {
        self.nulls.is_none_or(|nulls| nulls.is_valid(row))
    }

    fn write(&self, row: usize, json: &mut Vec<u8>) {
        write_name(self.name, json);
        match self.values {
            MemberValues::Text(texts) => write_text(texts.value(row), json),
            MemberValues::Instant(instants) => {
                json.push(b'"');
                match instant_bytes(instants.value(row)) {
                    Some(text) => json.extend_from_slice(&text),
                    None => json.extend_from_slice(format_instant(instants.value(row)).as_bytes()),
                }
                json.push(b'"');
            }
            MemberValues::Integer(numbers) => push(json, format_args!("{}", numbers.value(row))),
            MemberValues::Usd(amounts) => push(json, format_args!("{}", Usd(amounts.value(row)))),
        }
        json.push(b',');
    }
}

fn write_all(members: &[ItemMember], row: usize, json: &mut Vec<u8>) {
    let members = members.iter().filter(|member| member.has_value(row));
    members.for_each(|member| member.write(row, json));
}

/// Appends the members that no column has: an export keeps no other in `extra`, another engine may.
fn write_others<'m, 'b: 'm>(
    extra: &Extra,
    members: impl Iterator<Item = &'m ItemMember<'b>> + Clone,
    row: usize,
    json: &mut Vec<u8>,
) {
    let has_column = |name: &str| {
        members
            .clone()
            .any(|member| member.name == name && member.has_value(row))
    };
    for (name, value) in extra.iter().filter(|(name, _)| !has_column(name)) {
        write_member(name, value.get(), json);
    }
}
