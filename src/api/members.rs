//! The members of an item as raw JSON text: which are known, and what becomes of the rest. What they mean is `item`'s.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::runs::schema::col;

/// The raw members of an object, in their order: key and value as JSON text.
pub(super) type Members<'a> = Vec<(&'a str, &'a str)>;

pub(super) struct MembersSeed<'v, 'a>(pub(super) &'v mut Members<'a>);

impl<'de> DeserializeSeed<'de> for MembersSeed<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MembersSeed<'_, 'de> {
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

impl<'a> MembersSeed<'_, 'a> {
    pub(super) fn split(self, text: &'a str) -> bool {
        self.deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok()
    }
}

/// A JSON string's content; `None` if the text is no string (or one that isn't Unicode).
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr(b'\\', inner.as_bytes()).is_some() {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A member as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// With its quotes.
    pub(super) key: &'a str,
    pub(super) raw: &'a str,
    /// Whether `raw` is known to be a string without escapes.
    pub(super) plain: bool,
}

impl<'a> Member<'a> {
    fn new(key: &'a str, raw: &'a str) -> Member<'a> {
        let plain = false;
        Member { key, raw, plain }
    }

    /// A string's content; none for what is no string, or one that isn't Unicode.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        match self.plain {
            true => Some(Cow::Borrowed(&self.raw[1..self.raw.len() - 1])),
            false => string(self.raw),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.raw == "null"
    }
}

/// How many decoded columns an item has of its own; the one behind them is `extra`.
pub(super) const KNOWN: usize = col::COST_STATE;
/// Those of them that are members of `meta`.
pub(super) const META: Range<usize> = 10..15;

/// An item's members by position in the decoded schema; the last of several with one name counts.
#[derive(Default)]
pub(super) struct ItemMembers<'a> {
    pub(super) known: [Option<Member<'a>>; KNOWN],
    /// Fields that this version doesn't know.
    pub(super) extra: Extra,
    pub(super) meta_extra: Extra,
    pub(super) mistyped: usize,
}

impl<'a> ItemMembers<'a> {
    /// `meta_members` is room to work in, empty before.
    pub(super) fn new(members: &Members<'a>, meta_members: &mut Members<'a>) -> ItemMembers<'a> {
        let mut item = ItemMembers::default();
        for &(key, value) in members {
            let name = unescaped(key);
            if let Some(at) = position(&name) {
                item.known[at] = Some(Member::new(key, value));
            } else if name != "meta" {
                item.extra.push(key, value);
            } else if value.starts_with('{') && meta_members.is_empty() && MembersSeed(meta_members).split(value) {
                for &(key, value) in meta_members.iter() {
                    match meta_position(&unescaped(key)) {
                        Some(at) => item.known[at] = Some(Member::new(key, value)),
                        None => item.meta_extra.push(key, value),
                    }
                }
            } else {
                item.keep_meta(key, value);
            }
        }
        item
    }

    /// Leaves nothing of the item before.
    pub(super) fn clear(&mut self) {
        self.known.fill(None);
        self.extra.0.clear();
        self.meta_extra.0.clear();
        self.mistyped = 0;
    }

    /// Keeps a `meta` that is no object, unless it is null: it is of a wrong type.
    pub(super) fn keep_meta(&mut self, key: &str, raw: &str) {
        if raw != "null" {
            self.mistyped += 1;
            self.extra.push(key, raw);
        }
    }
}

/// A field's position in the decoded schema, by the API's name; a test holds it against the table of columns.
pub(super) fn position(name: &str) -> Option<usize> {
    Some(match name {
        "id" => col::ID,
        "actId" => col::ACT_ID,
        "userId" => col::USER_ID,
        "actorTaskId" => col::ACTOR_TASK_ID,
        "status" => col::STATUS,
        "startedAt" => col::STARTED_AT,
        "finishedAt" => col::FINISHED_AT,
        "buildId" => 7,
        "buildNumber" => 8,
        "buildNumberInt" => 9,
        "usageTotalUsd" => col::USAGE_TOTAL_USD,
        "defaultKeyValueStoreId" => 16,
        "defaultDatasetId" => 17,
        "defaultRequestQueueId" => 18,
        _ => return None,
    })
}

/// The same of a member of `meta`.
pub(super) fn meta_position(name: &str) -> Option<usize> {
    let names = ["origin", "clientIp", "userAgent", "scheduleId", "scheduledAt"];
    names.iter().position(|known| *known == name).map(|at| META.start + at)
}

/// A key without its quotes, escapes in it resolved.
pub(super) fn unescaped(key: &str) -> Cow<'_, str> {
    string(key).unwrap_or(Cow::Borrowed(key))
}

/// Members that become the `extra` column: an object of compact JSON, numbers as they came.
#[derive(Default)]
pub(super) struct Extra(String);

impl Extra {
    pub(super) fn push(&mut self, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(key);
        self.0.push(':');
        push_compact(&mut self.0, value);
    }

    /// Keeps a known field's value, unless it is absent or null: it is of a wrong type. Returns how many that were.
    pub(super) fn keep(&mut self, member: Option<&Member>) -> usize {
        let wrong = member.filter(|member| !member.is_null());
        if let Some(Member { key, raw, .. }) = &wrong {
            self.push(key, raw);
        }
        wrong.iter().len()
    }

    /// The object; none without members. It has none afterwards.
    pub(super) fn take(&mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(std::mem::take(&mut self.0))
    }
}

pub(super) fn joined(members: &Members) -> String {
    let mut object = Extra::default();
    members.iter().for_each(|(key, value)| object.push(key, value));
    object.take().unwrap_or_else(|| "{}".into())
}

pub(super) fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    push_compact(&mut text, json);
    text
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
