//! The schema of an entry of `caveat_details`: a caveat and its sentence.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::Caveat;
use crate::json_schema::members;

pub struct CaveatDetail;

impl JsonSchema for CaveatDetail {
    fn schema_name() -> Cow<'static, str> {
        "CaveatDetail".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Caveat::json_schema(generator);
        let caveats = schema.get_mut("oneOf").and_then(Value::as_array_mut).unwrap();
        for caveat in caveats.iter_mut().map(|caveat| caveat.as_object_mut().unwrap()) {
            members(caveat, "properties").insert("text".into(), json!({"type": "string"}));
            caveat["required"].as_array_mut().unwrap().push("text".into());
        }
        schema
    }
}
