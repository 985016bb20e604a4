//! Answers beside the run list, from their bytes to values: the account, its limits, names. Pure. What one of them lacks or has of
//! another type is unknown, and named with its place; texts of other fields are in no value and in no error.

use anyhow::{anyhow, bail};
use serde_json::value::RawValue;

use super::json_object::JsonObject;
use crate::provenance::Account;

/// A value, and what could not be read beside it.
#[derive(Debug)]
pub struct Partial<T> {
    pub value: T,
    /// One for each field: its place, what was found, what was expected.
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// `/v2/actors`: named `username/name`.
    Actors,
    /// `/v2/actor-tasks`: named by its name alone.
    Tasks,
    /// `/v2/schedules`: likewise.
    Schedules,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedItem {
    pub id: String,
    pub name: String,
}

#[derive(Debug)]
pub struct NamesPage {
    /// Of all pages; none where the API doesn't say so.
    pub total: Option<u64>,
    /// Items on the page, also those without a name.
    pub count: u64,
    pub items: Vec<NamedItem>,
}

impl NameKind {
    /// What has these names.
    pub fn what(self) -> &'static str {
        match self {
            NameKind::Actors => "Actors",
            NameKind::Tasks => "tasks",
            NameKind::Schedules => "schedules",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            NameKind::Actors => "actors",
            NameKind::Tasks => "actor-tasks",
            NameKind::Schedules => "schedules",
        }
    }
}

/// What is wrong with a field: its place in the answer, what was found, what was expected.
pub(super) fn field_problem(place: &str, found: Option<&str>, expected: &str) -> String {
    let found = match found {
        None => return format!("{place} is missing; expected {expected}"),
        Some(raw) => match raw.as_bytes().first() {
            Some(b'"') => "a text",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "true or false",
            // Of a number, which it is.
            _ => raw.get(..40).unwrap_or(raw),
        },
    };
    format!("{place} is {found}; expected {expected}")
}

fn data<'a>(body: &JsonObject<'a>) -> anyhow::Result<&'a str> {
    let data = body.raw("data");
    match data {
        Some(data) if data.starts_with('{') => Ok(data),
        other => bail!(field_problem("data", other, "an object")),
    }
}

/// Whose token it is. The answer holds a live proxy password too: it is passed over.
pub(super) fn account(body: &[u8]) -> anyhow::Result<Partial<Account>> {
    let body = JsonObject::parse(body, "the body is not an account")?;
    let user = JsonObject::new(data(&body)?);
    let id = user.text("id").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| anyhow!(field_problem("data.id", user.raw("id"), "a text")))?;
    let username = user.text("username");
    let found = user.raw("username").filter(|_| username.is_none());
    let unknown = found.map(|found| field_problem("data.username", Some(found), "a text"));
    Ok(Partial {
        value: Account { id, username },
        unknown: unknown.into_iter().collect(),
    })
}

/// For how many days runs are kept.
pub(super) fn retention_days(body: &[u8]) -> anyhow::Result<u64> {
    let body = JsonObject::parse(body, "the body is not a list of limits")?;
    let data = JsonObject::new(data(&body)?);
    let limits = data.raw("limits").unwrap_or("{}");
    let days = JsonObject::new(limits);
    let (place, raw) = ("data.limits.dataRetentionDays", days.raw("dataRetentionDays"));
    days.count("dataRetentionDays")
        .ok_or_else(|| anyhow!(field_problem(place, raw, "a whole number")))
}

/// A page of names. One item that is odd must not cost the others their names.
pub(super) fn names(kind: NameKind, body: &[u8]) -> anyhow::Result<Partial<NamesPage>> {
    let body = JsonObject::parse(body, "the body is not a list of names")?;
    let data = JsonObject::new(data(&body)?);
    let raw = data.raw("items");
    let items = raw.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw).ok());
    let items = items.ok_or_else(|| anyhow!(field_problem("data.items", raw, "an array")))?;
    let total = data.count("total");
    let problem = || field_problem("data.total", data.raw("total"), "a whole number");
    let mut unknown: Vec<String> = total.is_none().then(problem).into_iter().collect();
    let mut named = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match named_item(kind, &format!("data.items[{at}]"), item.get()) {
            Ok(item) => named.extend(item),
            Err(problem) => unknown.push(problem.to_string()),
        }
    }
    Ok(Partial {
        value: NamesPage {
            total,
            count: items.len() as u64,
            items: named,
        },
        unknown,
    })
}

/// One Actor or task; none where it has no name.
pub(super) fn name(kind: NameKind, body: &[u8]) -> anyhow::Result<Option<NamedItem>> {
    let body = JsonObject::parse(body, "the body is neither an Actor nor a task")?;
    named_item(kind, "data", data(&body)?)
}

fn named_item(kind: NameKind, place: &str, raw: &str) -> anyhow::Result<Option<NamedItem>> {
    let item = JsonObject::new(raw);
    let text = |name: &str| match (item.text(name), item.raw(name)) {
        (None, Some(found)) => Err(anyhow!(field_problem(
            &format!("{place}.{name}"),
            Some(found),
            "a text"
        ))),
        (text, _) => Ok(text.filter(|text| !text.is_empty())),
    };
    let id = text("id")?.ok_or_else(|| anyhow!(field_problem(&format!("{place}.id"), None, "a text")))?;
    let (name, username) = (text("name")?, text("username")?);
    Ok(name.map(|name| NamedItem {
        id,
        name: match (kind, username) {
            (NameKind::Actors, Some(username)) => format!("{username}/{name}"),
            _ => name,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error<T: std::fmt::Debug>(read: anyhow::Result<T>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn an_account_without_its_name_is_one_and_the_name_is_told() {
        let read = |data: &str| account(format!(r#"{{"data":{data}}}"#).as_bytes());
        let whole = read(r#"{"id":"x","username":"ann","proxy":{"password":"s3cret"}}"#).unwrap();
        assert_eq!((whole.value.username.as_deref(), whole.unknown.len()), (Some("ann"), 0));
        let absent = read(r#"{"id":"x","username":null}"#).unwrap();
        assert_eq!((absent.value.username, absent.unknown.len()), (None, 0));
        let odd = read(r#"{"id":"x","username":{"a":1}}"#).unwrap();
        assert_eq!(odd.value.username, None);
        assert_eq!(odd.unknown, ["data.username is an object; expected a text"]);
        assert_eq!(error(read(r#"{"id":7}"#)), "data.id is 7; expected a text");
        assert_eq!(error(read("{}")), "data.id is missing; expected a text");
        assert_eq!(error(read("[]")), "data is an array; expected an object");
        assert_eq!(error(account(b"[]")), "data is missing; expected an object");
    }

    #[test]
    fn retention_is_a_whole_number_however_it_is_written() {
        let read = |limits: &str| retention_days(format!(r#"{{"data":{{"limits":{limits}}}}}"#).as_bytes());
        for days in ["14", "14.0", "1.4e1"] {
            assert_eq!(read(&format!(r#"{{"dataRetentionDays":{days}}}"#)).unwrap(), 14);
        }
        for (limits, found) in [
            ("{}", "missing"),
            ("null", "missing"),
            (r#"{"dataRetentionDays":"14"}"#, "a text"),
            (r#"{"dataRetentionDays":14.5}"#, "14.5"),
            (r#"{"dataRetentionDays":-1}"#, "-1"),
            (r#"{"dataRetentionDays":null}"#, "missing"),
        ] {
            let expected = format!("data.limits.dataRetentionDays is {found}; expected a whole number");
            assert_eq!(error(read(limits)), expected);
        }
    }

    #[test]
    fn an_odd_item_costs_no_other_its_name_and_a_page_is_one_without_its_total() {
        let body = br#"{"data":{"total":"3","items":[{"id":"a","name":"one","username":"ann"},{"id":"b","name":7},null,{"id":"c"}]}}"#;
        let page = names(NameKind::Actors, body).unwrap();
        assert_eq!((page.value.total, page.value.count), (None, 4));
        let item = NamedItem {
            id: "a".into(),
            name: "ann/one".into(),
        };
        assert_eq!(page.value.items, [item]);
        assert_eq!(
            page.unknown,
            [
                "data.total is a text; expected a whole number",
                "data.items[1].name is 7; expected a text",
                "data.items[2].id is missing; expected a text",
            ]
        );
        let whole = names(NameKind::Tasks, br#"{"data":{"total":1e0,"items":[]}}"#).unwrap();
        assert_eq!((whole.value.total, whole.unknown.len()), (Some(1), 0));
        assert_eq!(
            error(names(NameKind::Tasks, br#"{"data":{"total":1,"items":{}}}"#)),
            "data.items is an object; expected an array"
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_them_panic(body in ".*") {
            let _ = (account(body.as_bytes()), retention_days(body.as_bytes()));
            let _ = (names(NameKind::Actors, body.as_bytes()), name(NameKind::Tasks, body.as_bytes()));
        }
    }
}
