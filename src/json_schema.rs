//! JSON Schemas of documents, made by tests from the source of the types that are written: each field with its doc comment, and
//! no field beyond. With `UPDATE_DOCS=1` the tests write the files of `docs/schemas`.

mod item;

use std::collections::BTreeMap;
use std::{env, fs};

use serde_json::{Map, Value, json};

use crate::json_schema::item::{Field, Item, Shape, Variant};

/// A decimal without exponent, with at most 18 places.
pub const DECIMAL: &str = r"^-?[0-9]+(\.[0-9]{1,18})?$";
const INSTANT: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$";
/// The field whose entries are of this type, with the sentence of each.
const CAVEATS: &str = "caveat_details";
const CAVEAT: &str = "Caveat";

/// The schema of what a type is written as, with the name that its documents have.
pub fn of(name: &str, title: &str) -> Value {
    let mut types = Types::default();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
    });
    let root = types.definition(name);
    schema.as_object_mut().unwrap().extend(root);
    let defined: Map<String, Value> = types.defined.into_iter().collect();
    schema["$defs"] = defined.into();
    schema
}

/// Compares a schema with its file in `docs/schemas`.
#[track_caller]
pub fn hold(name: &str, schema: &Value) {
    let file = format!("{}/docs/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let expected = format!("{schema:#}\n");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{file} is stale: UPDATE_DOCS=1 makes it anew");
}

/// What may be that or null.
pub fn nullable(schema: Value) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some(kind) => {
            let mut schema = schema.clone();
            schema["type"] = json!([kind, "null"]);
            schema
        }
        None => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

/// The types that a document needs, each defined once.
#[derive(Default)]
struct Types {
    defined: BTreeMap<String, Value>,
}

impl Types {
    fn definition(&mut self, name: &str) -> Map<String, Value> {
        let item = Item::find(name);
        let mut schema = match &item.shape {
            Shape::Struct(fields) => self.object(fields),
            Shape::Enum(variants) => self.variants(&item, variants),
        };
        describe(&mut schema, &item.docs);
        schema
    }

    fn reference(&mut self, name: &str) -> Value {
        if !self.defined.contains_key(name) {
            // A type that holds itself finds this.
            self.defined.insert(name.into(), Value::Null);
            let schema = match name {
                "Instant" => json!({
                    "description": "RFC 3339, UTC, to the millisecond.",
                    "type": "string",
                    "format": "date-time",
                    "pattern": INSTANT,
                }),
                "Usd" => json!({
                    "description": "US dollars, exact: a decimal without exponent, with at most 18 places.",
                    "type": "string",
                    "pattern": DECIMAL,
                }),
                name => self.definition(name).into(),
            };
            self.defined.insert(name.into(), schema);
        }
        json!({"$ref": format!("#/$defs/{name}")})
    }

    fn object(&mut self, fields: &[Field]) -> Map<String, Value> {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in fields.iter().filter(|field| !field.is_left_out()) {
            let mut schema = self.field(field);
            describe(schema.as_object_mut().unwrap(), &field.docs);
            if !field.has("skip_serializing_if") {
                required.push(field.written_name());
            }
            properties.insert(field.written_name().into(), schema);
        }
        closed(properties, required)
    }

    fn field(&mut self, field: &Field) -> Value {
        let instant = |types: &mut Types| types.reference("Instant");
        match field.attribute("with").as_deref() {
            Some("instant_text") => instant(self),
            Some("instant_text::option") => nullable(instant(self)),
            Some("spans_text") => {
                let instant = instant(self);
                let span = json!({"type": "array", "items": instant, "minItems": 2, "maxItems": 2});
                json!({"type": "array", "items": span})
            }
            Some(other) => panic!("{}: no schema is known of {other}", field.name),
            // By name: there they are values, since other versions may write others.
            None if field.name == CAVEATS => {
                let caveat = self.reference(CAVEAT);
                json!({"type": "array", "items": caveat})
            }
            None => self.of_type(&field.kind),
        }
    }

    fn of_type(&mut self, kind: &str) -> Value {
        let kind = kind.trim_start_matches('&').trim();
        let kind = match kind.strip_prefix('\'') {
            Some(rest) => rest.split_once(' ').unwrap().1,
            None => kind,
        };
        let inner = |outer: &str| kind.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>');
        if let Some(inner) = inner("Option") {
            return nullable(self.of_type(inner));
        }
        if let Some(inner) = inner("Vec") {
            return json!({"type": "array", "items": self.of_type(inner)});
        }
        if let Some(inner) = inner("IndexMap") {
            let value = inner.split_once(", ").unwrap().1;
            return json!({"type": "object", "additionalProperties": self.of_type(value)});
        }
        match kind {
            "bool" => json!({"type": "boolean"}),
            "u8" | "u32" | "u64" | "usize" => json!({"type": "integer", "minimum": 0}),
            "i64" => json!({"type": "integer"}),
            "f64" => json!({"type": "number"}),
            "str" | "String" | "Zone" => json!({"type": "string"}),
            name => self.reference(name.split('<').next().unwrap()),
        }
    }

    fn variants(&mut self, item: &Item, variants: &[Variant]) -> Map<String, Value> {
        let Some(tag) = item.attribute("tag") else {
            let names: Vec<String> = variants
                .iter()
                .map(|variant| item.written_name(&variant.name))
                .collect();
            return json!({"type": "string", "enum": names}).as_object().unwrap().clone();
        };
        let schemas = variants.iter().map(|variant| {
            let code = item.written_name(&variant.name);
            let fields = match &variant.holds {
                Some(held) => match Item::find(held).shape {
                    Shape::Struct(fields) => fields,
                    Shape::Enum(_) => panic!("{held}: a variant holds a struct"),
                },
                None => variant.fields.clone(),
            };
            let mut schema = self.object(&fields);
            describe(&mut schema, &variant.docs);
            let mut properties = Map::from_iter([(tag.clone(), json!({"const": code}))]);
            properties.extend(schema["properties"].as_object().unwrap().clone());
            let mut required = vec![Value::from(tag.clone())];
            required.extend(schema["required"].as_array().unwrap().clone());
            if item.name == CAVEAT {
                properties.insert(
                    "text".into(),
                    json!({"description": "The caveat as a sentence.", "type": "string"}),
                );
                required.push("text".into());
                let of = "The account that it is of, in a report of several.";
                properties.insert("account".into(), json!({"description": of, "type": "string"}));
            }
            schema["properties"] = properties.into();
            schema["required"] = required.into();
            schema.into()
        });
        let schemas: Vec<Value> = schemas.collect();
        json!({"oneOf": schemas}).as_object().unwrap().clone()
    }
}

/// An object of these members and no others.
pub fn closed(properties: Map<String, Value>, required: Vec<&str>) -> Map<String, Value> {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    schema.as_object().unwrap().clone()
}

fn describe(schema: &mut Map<String, Value>, docs: &str) {
    if !docs.is_empty() {
        schema.shift_insert(0, "description".into(), docs.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_and_outcomes_have_the_schemas_of_their_types() {
        hold("manifest", &of("Manifest", "manifest.json"));
        hold("outcome", &of("OutcomeDocument", "outcome"));
    }
}
