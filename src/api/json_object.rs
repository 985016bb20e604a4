//! A JSON object whose members are read one by one, each from its own text. What they mean is the caller's.

use anyhow::anyhow;
use serde::de::IgnoredAny;

use super::members::{Members, MembersSeed, string, unescaped};
use super::whole_number::whole_number;
use crate::money::Usd;

/// A JSON object's members as they came; of several that one name asks for the last counts, and null is as good as absent.
#[derive(Default)]
pub(super) struct JsonObject<'a>(Members<'a>);

impl<'a> JsonObject<'a> {
    /// Splits the body of an answer, which must be JSON.
    pub(super) fn parse(body: &'a [u8], otherwise: &str) -> anyhow::Result<JsonObject<'a>> {
        let text = std::str::from_utf8(body).map_err(|error| anyhow!("the body is not UTF-8: {error}"))?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| anyhow!("{otherwise}: {error}"))?;
        Ok(JsonObject::new(text))
    }

    /// Splits a JSON text; what is no object has no members.
    pub(super) fn new(text: &'a str) -> JsonObject<'a> {
        let mut members = Members::new();
        if !MembersSeed(&mut members).split(text) {
            members.clear();
        }
        JsonObject(members)
    }

    /// Every member that isn't null: name and JSON text.
    pub(super) fn members(&self) -> impl Iterator<Item = (String, &'a str)> + '_ {
        let there = self.0.iter().filter(|(_, raw)| *raw != "null");
        there.map(|(key, raw)| (unescaped(key).into_owned(), *raw))
    }

    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let named = |key: &str| string(key).is_some_and(|key| key == name);
        let (_, raw) = self.0.iter().rev().find(|(key, _)| named(key))?;
        (*raw != "null").then_some(*raw)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).and_then(string).map(|text| text.into_owned())
    }

    pub(super) fn decimal(&self, name: &str) -> Option<Usd> {
        self.raw(name).and_then(|raw| Usd::from_json_number(raw).ok())
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.raw(name).and_then(whole_number)
    }
}
