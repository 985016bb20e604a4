//! One answer of the run list: from its bytes straight to columns. Pure; it neither fetches nor decides whether a page
//! is the one that was wanted.
//!
//! Every field is first taken as its raw JSON text, since only that keeps a cost exact, lets a known field of a wrong
//! type be put aside, and carries fields that nobody knows.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Decimal128Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::schema::{USD_PRECISION, USD_SCALE, col, decoded_schema};

/// The most items that the API puts on a page; `limit` is clamped to it.
pub const MAX_PAGE_ITEMS: u64 = 1000;

/// A decoded page.
#[derive(Debug)]
pub struct Page {
    /// How many runs match the query, by the API's count.
    pub total: u64,
    /// The page size that the API applied, if it said a sensible one.
    pub limit: Option<u64>,
    /// The runs, in the order of the page, in the decoded schema.
    pub runs: RecordBatch,
    /// Items that make no sense as a run.
    pub rejected: Vec<Rejected>,
    /// Known fields of a wrong type, which are NULL with their raw value in `extra`: the row of each.
    pub mistyped: Vec<u32>,
}

/// An item that lacks what a run can't be without, or whose cost is no exact number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The item as compact JSON.
    pub item: String,
    /// The run's ID, where there is one.
    pub id: Option<String>,
    /// When it started, where that can be read: milliseconds since the epoch.
    pub started_at_ms: Option<i64>,
    /// The field at fault, by the API's name.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Page {
    /// Items as they came, sensible or not.
    pub fn items(&self) -> u64 {
        (self.runs.num_rows() + self.rejected.len()) as u64
    }

    /// How many items a full page of this server has.
    pub fn capacity(&self) -> u64 {
        self.limit
            .filter(|limit| (1..=MAX_PAGE_ITEMS).contains(limit))
            .unwrap_or(MAX_PAGE_ITEMS)
    }

    /// Whether it is all that matches: the page and its own total must both say so.
    pub fn is_last(&self) -> bool {
        self.items() == 0 || (self.items() < self.capacity() && self.items() >= self.total)
    }

    /// When its last run started.
    pub fn last_ms(&self) -> Option<i64> {
        self.started_at_ms().last().copied()
    }

    /// When each run started, in the order of the page.
    pub fn started_at_ms(&self) -> &[i64] {
        self.runs
            .column(col::STARTED_AT)
            .as_primitive::<TimestampMillisecondType>()
            .values()
    }
}

/// Decodes the body of a list answer; an error means that it is not one (cut off, not JSON, another shape).
pub fn decode(body: &[u8]) -> Result<Page, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("the body is not UTF-8: {error}"))?;
    let mut columns = Columns::with_capacity(MAX_PAGE_ITEMS as usize);
    let mut json = serde_json::Deserializer::from_str(text);
    let envelope = EnvelopeSeed { columns: &mut columns }
        .deserialize(&mut json)
        .and_then(|envelope| json.end().map(|()| envelope))
        .map_err(|error| format!("the body is not a list of runs: {error}"))?;
    let data = envelope.ok_or("the body is JSON without \"data\"")?;
    if !data.has_items {
        return Err("the body is JSON without \"data.items\"".into());
    }
    let total = data
        .total
        .ok_or("the body is JSON without a \"data.total\" that counts")?;
    let (runs, rejected, mistyped) = columns.finish();
    Ok(Page {
        total,
        limit: data.limit,
        runs,
        rejected,
        mistyped,
    })
}

/// `data` beside its items, which have gone into the columns.
#[derive(Default)]
struct Data {
    total: Option<u64>,
    limit: Option<u64>,
    has_items: bool,
}

/// Declares a seed that is its own visitor of a JSON object.
macro_rules! map_seed {
    ($seed:ident, $value:ty, $expecting:literal) => {
        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = $value;
            fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<$value, D::Error> {
                json.deserialize_map(MapVisitor(self))
            }
        }
        impl MapExpecting for $seed<'_> {
            const EXPECTING: &'static str = $expecting;
        }
    };
}

trait MapExpecting {
    const EXPECTING: &'static str;
}

struct MapVisitor<S>(S);

struct EnvelopeSeed<'c> {
    columns: &'c mut Columns,
}
map_seed!(EnvelopeSeed, Option<Data>, "an object with \"data\"");

impl<'de> Visitor<'de> for MapVisitor<EnvelopeSeed<'_>> {
    type Value = Option<Data>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(EnvelopeSeed::EXPECTING)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<Data>, M::Error> {
        let mut data = None;
        while let Some(key) = map.next_key::<Cow<str>>()? {
            if key == "data" && data.is_none() {
                data = Some(map.next_value_seed(DataSeed {
                    columns: &mut *self.0.columns,
                })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(data)
    }
}

struct DataSeed<'c> {
    columns: &'c mut Columns,
}
map_seed!(DataSeed, Data, "an object with \"items\"");

impl<'de> Visitor<'de> for MapVisitor<DataSeed<'_>> {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(DataSeed::EXPECTING)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Data, M::Error> {
        let mut data = Data::default();
        while let Some(key) = map.next_key::<Cow<str>>()? {
            match &*key {
                "items" if !data.has_items => {
                    data.has_items = true;
                    map.next_value_seed(ItemsSeed {
                        columns: &mut *self.0.columns,
                    })?;
                }
                "total" => data.total = map.next_value::<&RawValue>()?.get().parse().ok(),
                "limit" => data.limit = map.next_value::<&RawValue>()?.get().parse().ok(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(data)
    }
}

struct ItemsSeed<'c> {
    columns: &'c mut Columns,
}

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array of runs")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        let mut fields = Vec::with_capacity(32);
        let mut meta_fields = Vec::with_capacity(8);
        while let Some(item) = items.next_element::<&'de RawValue>()? {
            fields.clear();
            meta_fields.clear();
            self.columns.append(item.get(), &mut fields, &mut meta_fields);
        }
        Ok(())
    }
}

/// The raw members of an object, in their order: key and value as JSON text.
type Members<'a> = Vec<(&'a str, &'a str)>;

/// Splits an object's text into its members; false if it is no object.
fn split_object<'a>(text: &'a str, into: &mut Members<'a>) -> bool {
    struct Split<'v, 'a>(&'v mut Members<'a>);
    impl<'de> Visitor<'de> for Split<'_, 'de> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                self.0.push((key.get(), value.get()));
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Split(into))
        .is_ok()
}

/// A JSON string's content; `None` if the text is no string (or one that isn't Unicode).
fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Fields that the table of columns knows, top level and `meta`, as the API spells them.
#[derive(Clone, Copy, Default)]
struct Known<'a> {
    id: Option<&'a str>,
    act_id: Option<&'a str>,
    status: Option<&'a str>,
    started_at: Option<&'a str>,
    usage: Option<&'a str>,
}

/// Builders for the decoded columns of one page.
struct Columns {
    id: StringBuilder,
    act_id: StringBuilder,
    user_id: StringBuilder,
    actor_task_id: StringBuilder,
    status: StringBuilder,
    started_at: TimestampMillisecondBuilder,
    finished_at: TimestampMillisecondBuilder,
    build_id: StringBuilder,
    build_number: StringBuilder,
    build_number_int: Int64Builder,
    meta_origin: StringBuilder,
    meta_client_ip: StringBuilder,
    meta_user_agent: StringBuilder,
    meta_schedule_id: StringBuilder,
    meta_scheduled_at: TimestampMillisecondBuilder,
    usage_total_usd: Decimal128Builder,
    default_key_value_store_id: StringBuilder,
    default_dataset_id: StringBuilder,
    default_request_queue_id: StringBuilder,
    extra: StringBuilder,
    rejected: Vec<Rejected>,
    mistyped: Vec<u32>,
}

/// Room for an ID as Apify makes them, for every row of a page.
const ID_BYTES: usize = 17;

impl Columns {
    fn with_capacity(rows: usize) -> Columns {
        let text = |bytes_a_row: usize| StringBuilder::with_capacity(rows, rows * bytes_a_row);
        let instant = || TimestampMillisecondBuilder::with_capacity(rows).with_timezone("UTC");
        let usd = Decimal128Builder::with_capacity(rows).with_precision_and_scale(USD_PRECISION, USD_SCALE);
        Columns {
            id: text(ID_BYTES),
            act_id: text(ID_BYTES),
            user_id: text(ID_BYTES),
            actor_task_id: text(ID_BYTES),
            status: text(9),
            started_at: instant(),
            finished_at: instant(),
            build_id: text(ID_BYTES),
            build_number: text(8),
            build_number_int: Int64Builder::with_capacity(rows),
            meta_origin: text(9),
            meta_client_ip: text(0),
            meta_user_agent: text(0),
            meta_schedule_id: text(0),
            meta_scheduled_at: instant(),
            usage_total_usd: usd.expect("the column's own precision is valid"),
            default_key_value_store_id: text(ID_BYTES),
            default_dataset_id: text(ID_BYTES),
            default_request_queue_id: text(ID_BYTES),
            extra: text(0),
            rejected: Vec::new(),
            mistyped: Vec::new(),
        }
    }

    /// Appends one item, or puts it among the rejected.
    fn append<'a>(&mut self, item: &'a str, fields: &mut Members<'a>, meta_fields: &mut Members<'a>) {
        if !split_object(item, fields) {
            return self.reject(item, &Known::default(), "item", "is not an object".into());
        }
        let mut known = Known::default();
        for (key, value) in fields.iter() {
            match &*unescaped_key(key) {
                "id" => known.id = Some(value),
                "actId" => known.act_id = Some(value),
                "status" => known.status = Some(value),
                "startedAt" => known.started_at = Some(value),
                "usageTotalUsd" => known.usage = Some(value),
                _ => {}
            }
        }
        let usage = match required_fields(&known) {
            Err((field, problem)) => return self.reject(item, &known, field, problem),
            Ok((id, act_id, status, started_at, usage)) => {
                self.id.append_value(id);
                self.act_id.append_value(act_id);
                self.status.append_value(status);
                self.started_at.append_value(started_at);
                usage
            }
        };
        self.usage_total_usd.append_option(usage.map(|usd| usd.0));
        self.append_optional(fields, meta_fields);
    }

    /// Appends the columns that may be NULL, and `extra`.
    fn append_optional<'a>(&mut self, fields: &Members<'a>, meta_fields: &mut Members<'a>) {
        let mut extra = Extra::default();
        let mut top = Taken::<10>::default();
        let mut meta_extra = Extra::default();
        let mut meta = Taken::<5>::default();
        let mut mistyped = 0;
        for &(key, value) in fields {
            match &*unescaped_key(key) {
                "id" | "actId" | "status" | "startedAt" | "usageTotalUsd" => {}
                "meta" if value.starts_with('{') && meta_fields.is_empty() && split_object(value, meta_fields) => {
                    for &(key, value) in meta_fields.iter() {
                        let place = match &*unescaped_key(key) {
                            "origin" => 0,
                            "clientIp" => 1,
                            "userAgent" => 2,
                            "scheduleId" => 3,
                            "scheduledAt" => 4,
                            _ => {
                                meta_extra.push(key, value);
                                continue;
                            }
                        };
                        meta.take(place, key, value);
                    }
                }
                "meta" if value == "null" => {}
                "meta" => {
                    mistyped += 1;
                    extra.push(key, value);
                }
                name => match optional_place(name) {
                    Some(place) => top.take(place, key, value),
                    None => extra.push(key, value),
                },
            }
        }
        let mut text = |builder: &mut StringBuilder, member: Member<'a>, extra: &mut Extra| {
            let value = member.and_then(|(_, raw)| string(raw));
            if value.is_none() {
                mistyped += extra.keep(member);
            }
            builder.append_option(value);
        };
        text(&mut self.user_id, top.0[0], &mut extra);
        text(&mut self.actor_task_id, top.0[1], &mut extra);
        text(&mut self.build_id, top.0[3], &mut extra);
        text(&mut self.build_number, top.0[4], &mut extra);
        text(&mut self.default_key_value_store_id, top.0[6], &mut extra);
        text(&mut self.default_dataset_id, top.0[7], &mut extra);
        text(&mut self.default_request_queue_id, top.0[8], &mut extra);
        text(&mut self.meta_origin, meta.0[0], &mut meta_extra);
        text(&mut self.meta_client_ip, meta.0[1], &mut meta_extra);
        text(&mut self.meta_user_agent, meta.0[2], &mut meta_extra);
        text(&mut self.meta_schedule_id, meta.0[3], &mut meta_extra);
        let mut instant = |builder: &mut TimestampMillisecondBuilder, member: Member<'a>, extra: &mut Extra| {
            let value = member
                .and_then(|(_, raw)| string(raw))
                .and_then(|text| parse_instant(&text));
            if value.is_none() {
                mistyped += extra.keep(member);
            }
            builder.append_option(value);
        };
        instant(&mut self.finished_at, top.0[2], &mut extra);
        instant(&mut self.meta_scheduled_at, meta.0[4], &mut meta_extra);
        let number = top.0[5].and_then(|(_, raw)| raw.parse::<i64>().ok());
        if number.is_none() {
            mistyped += extra.keep(top.0[5]);
        }
        self.build_number_int.append_option(number);
        if let Some(meta) = meta_extra.finish() {
            extra.push("\"meta\"", &meta);
        }
        let row = self.extra.len() as u32;
        self.mistyped.extend(std::iter::repeat_n(row, mistyped));
        self.extra.append_option(extra.finish());
    }

    fn reject(&mut self, item: &str, known: &Known, field: &'static str, problem: String) {
        let text = |raw: Option<&str>| raw.and_then(string).map(Cow::into_owned);
        let mut compact = String::new();
        push_compact(&mut compact, item);
        self.rejected.push(Rejected {
            item: compact,
            id: text(known.id),
            started_at_ms: text(known.started_at).as_deref().and_then(parse_instant),
            field,
            problem,
        });
    }

    fn finish(mut self) -> (RecordBatch, Vec<Rejected>, Vec<u32>) {
        fn shrunk(mut array: impl Array + 'static) -> ArrayRef {
            array.shrink_to_fit();
            Arc::new(array)
        }
        let columns: Vec<ArrayRef> = vec![
            shrunk(self.id.finish()),
            shrunk(self.act_id.finish()),
            shrunk(self.user_id.finish()),
            shrunk(self.actor_task_id.finish()),
            shrunk(self.status.finish()),
            shrunk(self.started_at.finish()),
            shrunk(self.finished_at.finish()),
            shrunk(self.build_id.finish()),
            shrunk(self.build_number.finish()),
            shrunk(self.build_number_int.finish()),
            shrunk(self.meta_origin.finish()),
            shrunk(self.meta_client_ip.finish()),
            shrunk(self.meta_user_agent.finish()),
            shrunk(self.meta_schedule_id.finish()),
            shrunk(self.meta_scheduled_at.finish()),
            shrunk(self.usage_total_usd.finish()),
            shrunk(self.default_key_value_store_id.finish()),
            shrunk(self.default_dataset_id.finish()),
            shrunk(self.default_request_queue_id.finish()),
            shrunk(self.extra.finish()),
        ];
        let runs = RecordBatch::try_new(decoded_schema(), columns).expect("each item appends once to every column");
        (runs, self.rejected, self.mistyped)
    }
}

/// The optional top-level fields, by their place in [`Taken`].
fn optional_place(name: &str) -> Option<usize> {
    Some(match name {
        "userId" => 0,
        "actorTaskId" => 1,
        "finishedAt" => 2,
        "buildId" => 3,
        "buildNumber" => 4,
        "buildNumberInt" => 5,
        "defaultKeyValueStoreId" => 6,
        "defaultDatasetId" => 7,
        "defaultRequestQueueId" => 8,
        _ => return None,
    })
}

/// A key as it is written, quotes and all, without them; escapes in it resolved.
fn unescaped_key(key: &str) -> Cow<'_, str> {
    string(key).unwrap_or(Cow::Borrowed(key))
}

type RequiredFields<'a> = (Cow<'a, str>, Cow<'a, str>, Cow<'a, str>, i64, Option<Usd>);

/// What no row can be without, and the cost; an error names the field and what is wrong with it.
fn required_fields<'a>(known: &Known<'a>) -> Result<RequiredFields<'a>, (&'static str, String)> {
    let text = |field: &'static str, raw: Option<&'a str>| match raw {
        None | Some("null") => Err((field, "is missing".to_string())),
        Some(raw) => match string(raw) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err((field, format!("is {}, not a text", excerpt(raw)))),
        },
    };
    let id = text("id", known.id)?;
    let act_id = text("actId", known.act_id)?;
    let status = text("status", known.status)?;
    let started_at = text("startedAt", known.started_at)?;
    let started_at = parse_instant(&started_at)
        .ok_or_else(|| ("startedAt", format!("is {}, not an instant", excerpt(&started_at))))?;
    let usage = match known.usage {
        None | Some("null") => None,
        Some(raw) => Some(
            Usd::from_json_number(raw).map_err(|error| ("usageTotalUsd", format!("is {}: {error}", excerpt(raw))))?,
        ),
    };
    Ok((id, act_id, status, started_at, usage))
}

/// The beginning of a text, for messages.
fn excerpt(text: &str) -> String {
    let short: String = text
        .chars()
        .take(40)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// A member that may be there.
type Member<'a> = Option<(&'a str, &'a str)>;

/// Members by place; the last of several with one name counts.
struct Taken<'a, const N: usize>([Member<'a>; N]);

impl<const N: usize> Default for Taken<'_, N> {
    fn default() -> Self {
        Taken([None; N])
    }
}

impl<'a, const N: usize> Taken<'a, N> {
    fn take(&mut self, place: usize, key: &'a str, value: &'a str) {
        self.0[place] = Some((key, value));
    }
}

/// Members that become the `extra` column: an object of compact JSON, numbers as they came.
#[derive(Default)]
struct Extra(String);

impl Extra {
    fn push(&mut self, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(key);
        self.0.push(':');
        push_compact(&mut self.0, value);
    }

    /// Keeps a known field's value that is there, isn't null and isn't of its type.
    /// Returns how many that were.
    fn keep(&mut self, member: Member) -> usize {
        let wrong = member.filter(|(_, value)| *value != "null");
        if let Some((key, value)) = wrong {
            self.push(key, value);
        }
        wrong.iter().len()
    }

    fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

/// Appends JSON text without the white space between its tokens.
fn push_compact(into: &mut String, json: &str) {
    if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return into.push_str(json);
    }
    let mut in_string = false;
    let mut escaped = false;
    for c in json.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c == '"' {
            in_string = true;
        } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        into.push(c);
    }
}
