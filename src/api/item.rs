//! One item of the run list: from its raw members to a row of columns, or among the rejected. Pure.
//!
//! Every field is first taken as its raw JSON text, since only that keeps a cost exact, lets a known field of a wrong
//! type be put aside, and carries fields that this version doesn't know.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Decimal128Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use super::members::{ItemMembers, KNOWN, META, Member, Members, joined};
use super::whole_number::whole_number;
use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::schema::{USD_PRECISION, USD_SCALE, col, decoded_schema};

/// Columns that may be NULL, beside the cost: texts, then instants, then the integer. In this order `extra` gets the values
/// that are of another type; it is part of the output.
const OPTIONAL: [usize; 14] = [2, 3, 7, 8, 10, 11, 12, 13, 16, 17, 18, 6, 14, 9];
const REQUIRED_TEXTS: [usize; 3] = [col::ID, col::ACT_ID, col::STATUS];

/// An item that lacks what a run can't be without, or whose cost is no exact number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedItem {
    pub item: String,
    pub id: Option<String>,
    pub started_at_ms: Option<i64>,
    /// The field at fault, by the API's name.
    pub field: &'static str,
    pub problem: String,
}

enum ColumnBuilder {
    /// With the rows that there is room for.
    Text(StringBuilder, usize),
    Instant(TimestampMillisecondBuilder),
    Integer(Int64Builder),
    Usd(Decimal128Builder),
}

impl ColumnBuilder {
    fn new(data_type: &DataType, rows: usize) -> ColumnBuilder {
        match data_type {
            DataType::Utf8 => ColumnBuilder::Text(StringBuilder::with_capacity(rows, 0), rows),
            DataType::Int64 => ColumnBuilder::Integer(Int64Builder::with_capacity(rows)),
            DataType::Decimal128(..) => {
                let usd = Decimal128Builder::with_capacity(rows).with_precision_and_scale(USD_PRECISION, USD_SCALE);
                ColumnBuilder::Usd(usd.expect("the column's own precision is valid"))
            }
            _ => ColumnBuilder::Instant(TimestampMillisecondBuilder::with_capacity(rows).with_timezone("UTC")),
        }
    }

    fn push_number(&mut self, number: Option<i128>) {
        match self {
            ColumnBuilder::Instant(builder) => builder.append_option(number.map(|ms| ms as i64)),
            ColumnBuilder::Usd(builder) => builder.append_option(number),
            _ => unreachable!("texts and integers are read from JSON"),
        }
    }

    /// Appends a member's value, else NULL; whether there is one.
    fn push_json(&mut self, member: Option<&Member>) -> bool {
        let text = || member.and_then(Member::text);
        match self {
            ColumnBuilder::Text(builder, rows) => {
                let text = text();
                // Texts of a column are about as long as its first one; one that begins with NULL mostly stays NULL.
                if let Some(text) = &text
                    && builder.is_empty()
                {
                    *builder = StringBuilder::with_capacity(*rows, *rows * (text.len() + text.len() / 8));
                }
                builder.append_option(text.as_deref());
                text.is_some()
            }
            ColumnBuilder::Instant(builder) => {
                let instant = text().and_then(|text| parse_instant(&text));
                builder.append_option(instant);
                instant.is_some()
            }
            ColumnBuilder::Integer(builder) => {
                let integer = member.and_then(|member| whole_number::<i64>(member.raw));
                builder.append_option(integer);
                integer.is_some()
            }
            ColumnBuilder::Usd(_) => unreachable!("a cost that is no number is an error"),
        }
    }

    /// The column, without room for more: a page is held until its window is complete.
    fn finish(self) -> ArrayRef {
        fn shrunk(mut array: impl Array + 'static) -> ArrayRef {
            array.shrink_to_fit();
            Arc::new(array)
        }
        match self {
            ColumnBuilder::Text(mut builder, _) => shrunk(builder.finish()),
            ColumnBuilder::Instant(mut builder) => shrunk(builder.finish()),
            ColumnBuilder::Integer(mut builder) => shrunk(builder.finish()),
            ColumnBuilder::Usd(mut builder) => shrunk(builder.finish()),
        }
    }
}

/// The decoded columns of one page while they are filled.
pub(super) struct PageBuilder {
    columns: Vec<ColumnBuilder>,
    extra: StringBuilder,
    rejected: Vec<RejectedItem>,
    mistyped: Vec<u32>,
}

impl PageBuilder {
    pub(super) fn with_capacity(rows: usize) -> PageBuilder {
        let schema = decoded_schema();
        let columns = schema.fields()[..KNOWN].iter();
        let columns = columns.map(|field| ColumnBuilder::new(field.data_type(), rows));
        PageBuilder {
            columns: columns.collect(),
            extra: StringBuilder::new(),
            rejected: Vec::new(),
            mistyped: Vec::new(),
        }
    }

    /// Appends one item, or puts it among the rejected; `meta_members` is room to work in, empty before.
    pub(super) fn append<'a>(&mut self, members: &Members<'a>, meta_members: &mut Members<'a>) {
        let mut item = ItemMembers::new(members, meta_members);
        match check_required(&item) {
            Err((field, problem)) => self.reject(joined(members), &item, field, problem),
            Ok(required) => self.append_checked(&mut item, required),
        }
    }

    /// Appends one item, unless it is to be rejected; whether it is appended.
    pub(super) fn append_valid(&mut self, item: &mut ItemMembers) -> bool {
        let required = check_required(item);
        required.map(|required| self.append_checked(item, required)).is_ok()
    }

    fn append_checked(&mut self, item: &mut ItemMembers, (started_at_ms, usage): (i64, Option<Usd>)) {
        for at in REQUIRED_TEXTS {
            self.columns[at].push_json(item.known[at].as_ref());
        }
        self.columns[col::STARTED_AT].push_number(Some(started_at_ms.into()));
        self.columns[col::USAGE_TOTAL_USD].push_number(usage.map(|usd| usd.0));
        self.append_optional(item);
    }

    /// Appends the columns that may be NULL, and `extra`.
    fn append_optional(&mut self, item: &mut ItemMembers) {
        for at in OPTIONAL {
            let member = item.known[at].as_ref();
            if !self.columns[at].push_json(member) {
                let extra = if META.contains(&at) {
                    &mut item.meta_extra
                } else {
                    &mut item.extra
                };
                item.mistyped += extra.keep(member);
            }
        }
        if let Some(meta) = item.meta_extra.take() {
            item.extra.push("\"meta\"", &meta);
        }
        let row = self.extra.len() as u32;
        self.mistyped.extend(std::iter::repeat_n(row, item.mistyped));
        self.extra.append_option(item.extra.take());
    }

    /// Rejects an item that isn't even an object, by its compact JSON.
    pub(super) fn reject_non_object(&mut self, item: String) {
        self.reject(item, &ItemMembers::default(), "item", "is not an object".into());
    }

    fn reject(&mut self, item: String, members: &ItemMembers, field: &'static str, problem: String) {
        let text = |at: usize| members.known[at].and_then(|member| member.text()).map(Cow::into_owned);
        self.rejected.push(RejectedItem {
            item,
            id: text(col::ID),
            started_at_ms: text(col::STARTED_AT).as_deref().and_then(parse_instant),
            field,
            problem,
        });
    }

    /// The runs, the rejected items, and the row of each known field of a wrong type.
    pub(super) fn finish(self) -> (RecordBatch, Vec<RejectedItem>, Vec<u32>) {
        let columns = self.columns.into_iter().chain([ColumnBuilder::Text(self.extra, 0)]);
        let columns = columns.map(ColumnBuilder::finish).collect();
        let runs = RecordBatch::try_new(decoded_schema(), columns).expect("each item appends once to every column");
        (runs, self.rejected, self.mistyped)
    }
}

/// Checks what no row can be without, and gives the start and the cost; an error names the field and what is wrong with it.
fn check_required(item: &ItemMembers) -> Result<(i64, Option<Usd>), (&'static str, String)> {
    fn text<'a>(field: &'static str, member: Option<Member<'a>>) -> Result<Cow<'a, str>, (&'static str, String)> {
        match member {
            None => Err((field, "is missing".to_string())),
            Some(member) if member.is_null() => Err((field, "is missing".to_string())),
            Some(member) => member
                .text()
                .filter(|text| !text.is_empty())
                .ok_or_else(|| (field, format!("is {}; expected a text", excerpt(member.raw)))),
        }
    }
    text("id", item.known[col::ID])?;
    text("actId", item.known[col::ACT_ID])?;
    text("status", item.known[col::STATUS])?;
    let started_at = text("startedAt", item.known[col::STARTED_AT])?;
    let started_at_ms = parse_instant(&started_at)
        .ok_or_else(|| ("startedAt", format!("is {}; expected an instant", excerpt(&started_at))))?;
    let usage = item.known[col::USAGE_TOTAL_USD].filter(|usage| !usage.is_null());
    let usage = usage.map(|Member { raw, .. }| {
        Usd::from_json_number(raw).map_err(|error| ("usageTotalUsd", format!("is {}: it {error}", excerpt(raw))))
    });
    Ok((started_at_ms, usage.transpose()?))
}

fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    let end = if short.len() < text.len() { "…" } else { "" };
    short.replace(char::is_control, " ") + end
}

#[cfg(test)]
mod tests {
    use super::super::members::{KNOWN, META, meta_position, position};
    use super::super::page::{Page, decode};
    use crate::runs::schema::{COLUMNS, col};
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
    use proptest::prelude::*;

    const REQUIRED: &str = r#""id":"r","actId":"a","status":"S","startedAt":"2025-09-01T00:00:00.001Z""#;

    fn page(items: &[String]) -> Page {
        decode(
            format!(
                r#"{{"data":{{"items":[{}],"total":{}}}}}"#,
                items.join(" , "),
                items.len()
            )
            .as_bytes(),
        )
        .unwrap()
    }

    fn one(more: &str) -> Page {
        page(&[format!("{{{REQUIRED}{more}}}")])
    }

    /// A column's position in the decoded schema, by its name in the files.
    fn column(name: &str) -> usize {
        let at = COLUMNS.iter().position(|column| column.name == name).unwrap();
        at - usize::from(at > col::COST_STATE)
    }

    fn text(page: &Page, row: usize, name: &str) -> Option<String> {
        let column = page.runs.column(column(name)).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_string())
    }

    #[test]
    fn what_nobody_knows_is_kept_as_it_came_but_for_white_space() {
        let page = one(r#", "new": {"a b": [1.50, 1e+2 ,"x  y\\\" z"]}, "meta": {"origin":"WEB", "hue" : null}"#);
        assert_eq!(
            text(&page, 0, "extra").unwrap(),
            r#"{"new":{"a b":[1.50,1e+2,"x  y\\\" z"]},"meta":{"hue":null}}"#
        );
        assert_eq!(
            (text(&page, 0, "meta_origin").as_deref(), page.mistyped.len()),
            (Some("WEB"), 0)
        );
        assert_eq!(text(&one(""), 0, "extra"), None);
    }

    #[test]
    fn escaped_and_repeated_keys_are_keys_and_the_last_counts() {
        let page = one(r#","user\u0049d":"u1","userId":"u2","usageTotalUsd":1,"usageTotalUsd":2.5"#);
        assert_eq!(text(&page, 0, "user_id").as_deref(), Some("u2"));
        let usage = page.runs.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>();
        assert_eq!(usage.value(0), 2_500_000_000_000_000_000);
    }

    #[test]
    fn what_is_no_run_is_put_aside_with_its_field_and_leaves_its_neighbours_alone() {
        let good = format!("{{{REQUIRED}}}");
        for (bad, field) in [
            ("7".to_string(), "item"),
            ("null".into(), "item"),
            (r#"{"id": "r" , "actId":"a"}"#.into(), "status"),
            (format!(r#"{{{REQUIRED},"usageTotalUsd":"0.1"}}"#), "usageTotalUsd"),
            (format!(r#"{{{REQUIRED},"startedAt":12}}"#), "startedAt"),
            (format!(r#"{{{REQUIRED},"actId":"\ud800"}}"#), "actId"),
        ] {
            let page = page(&[good.clone(), bad.clone(), good.clone()]);
            assert_eq!((page.runs.num_rows(), page.items()), (2, 3), "{bad}");
            assert_eq!(page.rejected[0].field, field, "{bad}");
            assert_eq!(page.rejected[0].item, bad.replace(" , ", ",").replace(": ", ":"));
        }
    }

    #[test]
    fn what_is_no_list_of_runs_is_an_error() {
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"data":null}"#,
            r#"{"data":{"total":1}}"#,
            r#"{"data":{"total":1,"items":null}}"#,
            r#"{"data":{"items":[]}}"#,
            r#"{"data":{"items":[],"total":-1}}"#,
            r#"{"data":{"items":[],"total":1.5}}"#,
            r#"{"data":{"items":[],"total":"1"}}"#,
            r#"{"data":{"items":[],"total":18446744073709551615}}"#,
            r#"{"data":{"items":[],"total":0}} trailing"#,
            r#"{"data":{"items":[{"id":"x","#,
        ] {
            assert!(decode(body.as_bytes()).is_err(), "{body}");
        }
        assert!(decode(b"{\"data\":{\"items\":[],\"total\":0,\"x\":\"\xff\"}}").is_err());
    }

    #[test]
    fn fields_stand_where_the_table_of_columns_has_them() {
        for (at, column) in COLUMNS[..KNOWN].iter().enumerate() {
            let mut words = column.name.trim_start_matches("meta_").split('_');
            let first = words.next().unwrap().to_string();
            let name = words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..]);
            let position = if META.contains(&at) { meta_position } else { position };
            assert_eq!(position(&name), Some(at), "{name}");
            assert_eq!(column.name.starts_with("meta_"), META.contains(&at), "{name}");
        }
        let mut all = super::OPTIONAL.to_vec();
        all.extend([col::ID, col::ACT_ID, col::STATUS, col::STARTED_AT, col::USAGE_TOTAL_USD]);
        all.sort();
        assert_eq!(all, (0..KNOWN).collect::<Vec<_>>());
    }

    /// What a field may hold, beside nothing.
    #[derive(Debug, Clone)]
    enum Held {
        Absent,
        Null,
        Right(String),
        Wrong(&'static str),
    }

    fn held(right: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = Held> {
        prop_oneof![
            Just(Held::Absent),
            Just(Held::Null),
            right.prop_map(Held::Right),
            prop::sample::select(vec!["true", "[1, 2]", "{\"a\": \"b c\"}", "1.50", "-7e2"]).prop_map(Held::Wrong),
        ]
    }

    fn json(held: &Held) -> Option<String> {
        match held {
            Held::Absent => None,
            Held::Null => Some("null".into()),
            Held::Right(text) => Some(serde_json::to_string(text).unwrap()),
            Held::Wrong(raw) => Some(raw.to_string()),
        }
    }

    /// Text fields by the API's name, their column, and whether they lie in `meta`.
    const TEXTS: [(&str, &str, bool); 11] = [
        ("userId", "user_id", false),
        ("actorTaskId", "actor_task_id", false),
        ("buildId", "build_id", false),
        ("buildNumber", "build_number", false),
        ("defaultKeyValueStoreId", "default_key_value_store_id", false),
        ("defaultDatasetId", "default_dataset_id", false),
        ("defaultRequestQueueId", "default_request_queue_id", false),
        ("origin", "meta_origin", true),
        ("clientIp", "meta_client_ip", true),
        ("userAgent", "meta_user_agent", true),
        ("scheduleId", "meta_schedule_id", true),
    ];

    proptest! {
        #[test]
        fn each_field_arrives_or_is_null_with_its_raw_value_kept(
            texts in prop::collection::vec(held(any::<String>()), TEXTS.len()),
            finished in held(Just("2025-09-01T00:00:01.500Z".to_string())),
            number in prop::option::of(any::<i64>()),
            gap in prop::sample::select(vec!["", " ", "\n\t "]),
        ) {
            let mut top = vec![REQUIRED.to_string()];
            let mut meta = Vec::new();
            for ((name, _, in_meta), held) in TEXTS.iter().zip(&texts) {
                let member = json(held).map(|value| format!("{gap}\"{name}\"{gap}:{gap}{value}"));
                if *in_meta { meta.extend(member) } else { top.extend(member) }
            }
            top.extend(json(&finished).map(|value| format!("\"finishedAt\":{value}")));
            top.extend(number.map(|number| format!("\"buildNumberInt\":{number}")));
            top.push(format!("\"meta\":{{{}}}", meta.join(",")));
            let page = page(&[format!("{{{}}}", top.join(","))]);

            let extra: serde_json::Value = text(&page, 0, "extra").map_or(serde_json::json!({}), |text| serde_json::from_str(&text).unwrap());
            let mut wrong = usize::from(matches!(finished, Held::Wrong(_)));
            for ((name, column, in_meta), held) in TEXTS.iter().zip(&texts) {
                let kept = if *in_meta { &extra["meta"][name] } else { &extra[name] };
                match held {
                    Held::Right(value) => prop_assert_eq!(text(&page, 0, column), Some(value.clone())),
                    _ => prop_assert_eq!(text(&page, 0, column), None),
                }
                match held {
                    Held::Wrong(raw) => {
                        wrong += 1;
                        prop_assert_eq!(kept, &serde_json::from_str::<serde_json::Value>(raw).unwrap());
                    }
                    _ => prop_assert!(kept.is_null()),
                }
            }
            prop_assert_eq!(page.mistyped.len(), wrong);
            let at = page.runs.column(col::FINISHED_AT).as_primitive::<TimestampMillisecondType>();
            let expected = matches!(finished, Held::Right(_)).then_some(1_756_684_801_500);
            prop_assert_eq!(at.is_valid(0).then(|| at.value(0)), expected);
            let int = page.runs.column(column("build_number_int")).as_primitive::<Int64Type>();
            prop_assert_eq!(int.is_valid(0).then(|| int.value(0)), number);
        }

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
            let _ = decode(&body);
            let _ = decode(text.as_bytes());
            let _ = decode(format!(r#"{{"data":{{"total":1,"items":[{text}]}}}}"#).as_bytes());
        }
    }
}
