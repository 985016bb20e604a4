//! Answers with their numbers as they came: decimal texts, added up here in 10^-24.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::client::Served;

/// An object whose members are text as it came.
pub struct Exact(pub BTreeMap<String, Box<RawValue>>);

impl Exact {
    /// Of a JSON object.
    pub fn of(text: &str) -> Exact {
        Exact(serde_json::from_str(text).unwrap())
    }

    /// An object in it.
    pub fn at(&self, name: &str) -> Exact {
        Exact::of(self.0[name].get())
    }

    /// A number in 10^-24; nothing for what is absent or null.
    pub fn number(&self, name: &str) -> i128 {
        self.0.get(name).map_or(0, |number| units(number.get()))
    }

    /// All its numbers together.
    pub fn sum(&self) -> i128 {
        self.0.values().map(|number| units(number.get())).sum()
    }
}

/// The `data` of an answer.
pub fn exact_data(served: &Served, target: &str) -> Exact {
    let answer = served.get(target);
    assert_eq!(answer.status, 200, "{target}");
    Exact::of(std::str::from_utf8(&answer.body).unwrap()).at("data")
}

/// A run's detail, its numbers as they are written.
pub fn exact(served: &Served, id: &Value) -> Exact {
    exact_data(served, &format!("/v2/actor-runs/{}", id.as_str().unwrap()))
}

/// A JSON number in 10^-24, digit by digit.
pub fn units(text: &str) -> i128 {
    if text == "null" {
        return 0;
    }
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = 24 + exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    let number: i128 = format!("{whole}{fraction}").parse().unwrap();
    number * 10_i128.pow(places.try_into().unwrap())
}
