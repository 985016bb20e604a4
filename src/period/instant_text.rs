//! Instants and periods in documents, as RFC 3339 text: for `#[serde(with = …)]` on fields that hold milliseconds.

use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use serde::ser::{SerializeSeq, Serializer};

use super::{Millis, format_instant, parse_instant};

pub fn serialize<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_instant(*at))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    let text = String::deserialize(deserializer)?;
    parsed(&text)
}

fn parsed<E: Error>(text: &str) -> Result<Millis, E> {
    parse_instant(text)
        .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &"an instant such as 2025-09-01T00:00:00.000Z"))
}

pub mod option {
    use super::{Deserialize, Deserializer, Millis, Serializer, parsed};

    pub fn serialize<S: Serializer>(at: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.as_deref().map(parsed).transpose()
    }
}

/// Periods `[from, to)`, each as a pair of instants; an empty one is an error.
pub mod spans {
    use super::{Deserialize, Deserializer, Error, Millis, SerializeSeq, Serializer, format_instant, parsed};

    pub fn serialize<S: Serializer>(spans: &[(Millis, Millis)], serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(spans.len()))?;
        for (from, to) in spans {
            seq.serialize_element(&(format_instant(*from), format_instant(*to)))?;
        }
        seq.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(Millis, Millis)>, D::Error> {
        let texts = Vec::<(String, String)>::deserialize(deserializer)?;
        let spans = texts.iter().map(|(from, to)| match (parsed(from)?, parsed(to)?) {
            (start, end) if start < end => Ok((start, end)),
            _ => Err(D::Error::custom(format!(
                "a period ends before it begins: {from} to {to}"
            ))),
        });
        spans.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_length() {
        let read = |to: &str| {
            let text = format!(r#"[["1970-01-01T00:00:00.005Z","1970-01-01T00:00:00.{to}Z"]]"#);
            spans::deserialize(&mut serde_json::Deserializer::from_str(&text))
        };
        assert_eq!(read("006").unwrap(), [(5, 6)]);
        for to in ["005", "004"] {
            let refused = read(to).unwrap_err().to_string();
            assert!(refused.contains("a period ends before it begins"), "{refused}");
        }
    }
}
