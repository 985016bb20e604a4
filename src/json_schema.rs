//! JSON Schemas of documents, made from their types by tests: what this version writes, and nothing beyond. With
//! `UPDATE_DOCS=1` the tests write the files of `docs/schemas`.

use std::borrow::Cow;
use std::{env, fs};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::money::Usd;

/// An instant as documents have it.
pub struct Instant;

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339, UTC, to the millisecond.",
            "type": "string",
            "format": "date-time",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        })
    }
}

/// A period `[from, to)` as two instants.
pub type Span = [Instant; 2];

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "US dollars, exact: a decimal without exponent, with at most 18 places.",
            "type": "string",
            "pattern": r"^-?[0-9]+(\.[0-9]{1,18})?$",
        })
    }
}

/// The members of a schema under a key, none at first.
pub fn members<'s>(schema: &'s mut Map<String, Value>, key: &str) -> &'s mut Map<String, Value> {
    let found = schema.entry(key).or_insert_with(|| Map::new().into());
    found.as_object_mut().unwrap()
}

/// The schema of what a type is written as, which refuses fields that it doesn't name.
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let types = schema["$defs"].clone();
    close(&mut schema, &types);
    let used = schema.to_string();
    let is_used = |name: &String| used.contains(&format!("\"#/$defs/{name}\""));
    members(schema.as_object_mut().unwrap(), "$defs").retain(|name, _| is_used(name));
    schema
}

/// Closes every object, merges a type into the object that has more members beside it, and puts descriptions into one line.
fn close(schema: &mut Value, types: &Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| close(schema, types)),
        Value::Object(object) => {
            if object.contains_key("properties")
                && let Some(path) = object.remove("$ref")
            {
                let name = path.as_str().unwrap().trim_start_matches("#/$defs/");
                let base = types[name].as_object().unwrap();
                let properties = members(object, "properties");
                properties.extend(base["properties"].as_object().unwrap().clone());
                let required = object["required"].as_array_mut().unwrap();
                required.extend(base["required"].as_array().unwrap().clone());
            }
            if object.get("properties").is_some_and(Value::is_object) && object.get("type") == Some(&"object".into()) {
                object.entry("additionalProperties").or_insert(false.into());
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            object.values_mut().for_each(|schema| close(schema, types));
        }
        _ => {}
    }
}

/// Compares a schema with its file in `docs/schemas`.
#[track_caller]
pub fn hold(name: &str, schema: Value) {
    let file = format!("{}/docs/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let expected = format!("{schema:#}\n");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{file} is stale: UPDATE_DOCS=1 makes it anew");
}
