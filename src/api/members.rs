//! The members of an item as raw JSON text: which are known, and what becomes of the rest. What they mean is `item`'s.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The raw members of an object, in their order: key and value as JSON text.
pub(super) type Members<'a> = Vec<(&'a str, &'a str)>;

/// Splits an object into its members.
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
    /// Splits a JSON text; false if it is no object.
    pub(super) fn split(self, text: &'a str) -> bool {
        self.deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok()
    }
}

/// A JSON string's content; `None` if the text is no string (or one that isn't Unicode).
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    // Without an early end, which lets it be done many bytes at a time.
    let escapes = inner.bytes().fold(false, |escapes, byte| escapes | (byte == b'\\'));
    if escapes {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A member that may be there: key and value as JSON text.
pub(super) type Member<'a> = Option<(&'a str, &'a str)>;

/// An item's members, each where the table of columns has it; the last of several with one name counts.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    pub(super) id: Member<'a>,
    pub(super) act_id: Member<'a>,
    pub(super) user_id: Member<'a>,
    pub(super) actor_task_id: Member<'a>,
    pub(super) status: Member<'a>,
    pub(super) started_at: Member<'a>,
    pub(super) finished_at: Member<'a>,
    pub(super) build_id: Member<'a>,
    pub(super) build_number: Member<'a>,
    pub(super) build_number_int: Member<'a>,
    pub(super) meta_origin: Member<'a>,
    pub(super) meta_client_ip: Member<'a>,
    pub(super) meta_user_agent: Member<'a>,
    pub(super) meta_schedule_id: Member<'a>,
    pub(super) meta_scheduled_at: Member<'a>,
    pub(super) usage_total_usd: Member<'a>,
    pub(super) default_key_value_store_id: Member<'a>,
    pub(super) default_dataset_id: Member<'a>,
    pub(super) default_request_queue_id: Member<'a>,
    /// What nobody knows.
    pub(super) extra: Extra,
    /// The same of `meta`.
    pub(super) meta_extra: Extra,
    /// Known fields of a wrong type.
    pub(super) mistyped: usize,
}

impl<'a> Sorted<'a> {
    /// Sorts an item's members; `meta_members` is room to work in, empty before.
    pub(super) fn of(members: &Members<'a>, meta_members: &mut Members<'a>) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        for &(key, value) in members {
            let name = unescaped(key);
            if let Some(place) = sorted.top(&name) {
                *place = Some((key, value));
            } else if name != "meta" {
                sorted.extra.push(key, value);
            } else if value.starts_with('{') && meta_members.is_empty() && MembersSeed(meta_members).split(value) {
                for &(key, value) in meta_members.iter() {
                    match sorted.meta(&unescaped(key)) {
                        Some(place) => *place = Some((key, value)),
                        None => sorted.meta_extra.push(key, value),
                    }
                }
            } else if value != "null" {
                sorted.mistyped += 1;
                sorted.extra.push(key, value);
            }
        }
        sorted
    }

    fn top(&mut self, name: &str) -> Option<&mut Member<'a>> {
        Some(match name {
            "id" => &mut self.id,
            "actId" => &mut self.act_id,
            "userId" => &mut self.user_id,
            "actorTaskId" => &mut self.actor_task_id,
            "status" => &mut self.status,
            "startedAt" => &mut self.started_at,
            "finishedAt" => &mut self.finished_at,
            "buildId" => &mut self.build_id,
            "buildNumber" => &mut self.build_number,
            "buildNumberInt" => &mut self.build_number_int,
            "usageTotalUsd" => &mut self.usage_total_usd,
            "defaultKeyValueStoreId" => &mut self.default_key_value_store_id,
            "defaultDatasetId" => &mut self.default_dataset_id,
            "defaultRequestQueueId" => &mut self.default_request_queue_id,
            _ => return None,
        })
    }

    fn meta(&mut self, name: &str) -> Option<&mut Member<'a>> {
        Some(match name {
            "origin" => &mut self.meta_origin,
            "clientIp" => &mut self.meta_client_ip,
            "userAgent" => &mut self.meta_user_agent,
            "scheduleId" => &mut self.meta_schedule_id,
            "scheduledAt" => &mut self.meta_scheduled_at,
            _ => return None,
        })
    }
}

/// A key without its quotes, escapes in it resolved.
fn unescaped(key: &str) -> Cow<'_, str> {
    string(key).unwrap_or(Cow::Borrowed(key))
}

/// Members that become the `extra` column: an object of compact JSON, numbers as they came.
#[derive(Default)]
pub(super) struct Extra(String);

impl Extra {
    /// Adds a member.
    pub(super) fn push(&mut self, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(key);
        self.0.push(':');
        push_compact(&mut self.0, value);
    }

    /// Keeps a known field's value that is there, isn't null and isn't of its type.
    /// Returns how many that were.
    pub(super) fn keep(&mut self, member: Member) -> usize {
        let wrong = member.filter(|(_, value)| *value != "null");
        if let Some((key, value)) = wrong {
            self.push(key, value);
        }
        wrong.iter().len()
    }

    /// The object, if there is anything in it.
    pub(super) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

/// Members as one object of compact JSON.
pub(super) fn joined(members: &Members) -> String {
    let mut object = Extra::default();
    members.iter().for_each(|(key, value)| object.push(key, value));
    object.finish().unwrap_or_else(|| "{}".into())
}

/// JSON text without the white space between its tokens.
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
