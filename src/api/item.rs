//! One item of the run list: from its raw members to a row of columns, or among the rejected. Pure, like the page it
//! stands on.
//!
//! Every field is first taken as its raw JSON text, since only that keeps a cost exact, lets a known field of a wrong
//! type be put aside, and carries fields that nobody knows.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Decimal128Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::members::{Extra, Member, Members, Sorted, joined, string};
use super::page::Rejected;
use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::schema::{USD_PRECISION, USD_SCALE, decoded_schema};

/// Builders for the decoded columns of one page.
pub(super) struct Columns {
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
    pub(super) fn with_capacity(rows: usize) -> Columns {
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

    /// Appends one item, or puts it among the rejected; `meta_members` is room to work in, empty before.
    pub(super) fn append<'a>(&mut self, members: &Members<'a>, meta_members: &mut Members<'a>) {
        let item = Sorted::of(members, meta_members);
        match required_fields(&item) {
            Err((field, problem)) => self.reject(joined(members), &item, field, problem),
            Ok((id, act_id, status, started_at, usage)) => {
                self.id.append_value(id);
                self.act_id.append_value(act_id);
                self.status.append_value(status);
                self.started_at.append_value(started_at);
                self.usage_total_usd.append_option(usage.map(|usd| usd.0));
                self.append_optional(item);
            }
        }
    }

    /// Appends the columns that may be NULL, and `extra`.
    fn append_optional(&mut self, item: Sorted) {
        let (mut extra, mut meta_extra, mut mistyped) = (item.extra, item.meta_extra, item.mistyped);
        let mut text = |builder: &mut StringBuilder, member: Member, extra: &mut Extra| {
            let value = member.and_then(|(_, raw)| string(raw));
            if value.is_none() {
                mistyped += extra.keep(member);
            }
            builder.append_option(value);
        };
        text(&mut self.user_id, item.user_id, &mut extra);
        text(&mut self.actor_task_id, item.actor_task_id, &mut extra);
        text(&mut self.build_id, item.build_id, &mut extra);
        text(&mut self.build_number, item.build_number, &mut extra);
        text(
            &mut self.default_key_value_store_id,
            item.default_key_value_store_id,
            &mut extra,
        );
        text(&mut self.default_dataset_id, item.default_dataset_id, &mut extra);
        text(
            &mut self.default_request_queue_id,
            item.default_request_queue_id,
            &mut extra,
        );
        text(&mut self.meta_origin, item.meta_origin, &mut meta_extra);
        text(&mut self.meta_client_ip, item.meta_client_ip, &mut meta_extra);
        text(&mut self.meta_user_agent, item.meta_user_agent, &mut meta_extra);
        text(&mut self.meta_schedule_id, item.meta_schedule_id, &mut meta_extra);
        let mut instant = |builder: &mut TimestampMillisecondBuilder, member: Member, extra: &mut Extra| {
            let text = member.and_then(|(_, raw)| string(raw));
            let value = text.and_then(|text| parse_instant(&text));
            if value.is_none() {
                mistyped += extra.keep(member);
            }
            builder.append_option(value);
        };
        instant(&mut self.finished_at, item.finished_at, &mut extra);
        instant(&mut self.meta_scheduled_at, item.meta_scheduled_at, &mut meta_extra);
        let number = item.build_number_int.and_then(|(_, raw)| raw.parse::<i64>().ok());
        if number.is_none() {
            mistyped += extra.keep(item.build_number_int);
        }
        self.build_number_int.append_option(number);
        if let Some(meta) = meta_extra.finish() {
            extra.push("\"meta\"", &meta);
        }
        let row = self.extra.len() as u32;
        self.mistyped.extend(std::iter::repeat_n(row, mistyped));
        self.extra.append_option(extra.finish());
    }

    /// Takes note of an item that isn't even an object, by its compact JSON.
    pub(super) fn reject_non_object(&mut self, item: String) {
        self.reject(item, &Sorted::default(), "item", "is not an object".into());
    }

    fn reject(&mut self, item: String, sorted: &Sorted, field: &'static str, problem: String) {
        let text = |member: Member| member.and_then(|(_, raw)| string(raw)).map(Cow::into_owned);
        self.rejected.push(Rejected {
            item,
            id: text(sorted.id),
            started_at_ms: text(sorted.started_at).as_deref().and_then(parse_instant),
            field,
            problem,
        });
    }

    /// The runs, what was rejected, and the row of each known field of a wrong type.
    pub(super) fn finish(mut self) -> (RecordBatch, Vec<Rejected>, Vec<u32>) {
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

type RequiredFields<'a> = (Cow<'a, str>, Cow<'a, str>, Cow<'a, str>, i64, Option<Usd>);

/// What no row can be without, and the cost; an error names the field and what is wrong with it.
fn required_fields<'a>(item: &Sorted<'a>) -> Result<RequiredFields<'a>, (&'static str, String)> {
    let text = |field: &'static str, member: Member<'a>| match member.map(|(_, raw)| raw) {
        None | Some("null") => Err((field, "is missing".to_string())),
        Some(raw) => match string(raw) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err((field, format!("is {}, not a text", excerpt(raw)))),
        },
    };
    let id = text("id", item.id)?;
    let act_id = text("actId", item.act_id)?;
    let status = text("status", item.status)?;
    let started_at = text("startedAt", item.started_at)?;
    let started_at = parse_instant(&started_at)
        .ok_or_else(|| ("startedAt", format!("is {}, not an instant", excerpt(&started_at))))?;
    let usage = match item.usage_total_usd.map(|(_, raw)| raw) {
        None | Some("null") => None,
        Some(raw) => Some(
            Usd::from_json_number(raw)
                .map_err(|error| ("usageTotalUsd", format!("is {}: it {error}", excerpt(raw))))?,
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

#[cfg(test)]
mod tests {
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
