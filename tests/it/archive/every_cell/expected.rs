//! report.json as what every format has to show: rows, the sum of those that a format does not show one by one, and totals.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::amounts::{plain, share, six_places, units};

pub type JsonRow = Map<String, Value>;

pub struct Expected {
    pub json: Value,
    tables: BTreeMap<String, Vec<JsonRow>>,
    /// Usage by Actor and day.
    pub of_days: Vec<JsonRow>,
}

/// Rows with the sums of unsuccessful runs beside them, which the terminal shows.
const UNSUCCESSFUL: [&str; 3] = ["FAILED", "TIMED-OUT", "ABORTED"];
const RUNS_OF_PART: &str = "runs_of_part";
const USAGE_OF_PART: &str = "usage_of_part_usd";

pub fn usd(row: &JsonRow, key: &str) -> Option<i128> {
    row.get(key)?.as_str().map(units)
}

pub fn count(row: &JsonRow, key: &str) -> Option<u128> {
    row.get(key)?.as_u64().map(u128::from)
}

impl Expected {
    /// Of an export's report.json, and of one with two dimensions a table.
    pub fn new(json: Value, by_two: &Value) -> Expected {
        let rows = |json: &Value, name: &str| -> Vec<JsonRow> {
            let rows = json[name].as_array().cloned().unwrap_or_default();
            rows.into_iter().map(|row| row.as_object().unwrap().clone()).collect()
        };
        let is_table = |name: &str| !name.starts_with("caveat") && name != "accounts";
        let arrays = json.as_object().unwrap().iter();
        let names = arrays.filter(|(name, value)| value.is_array() && is_table(name));
        let mut tables: BTreeMap<String, Vec<JsonRow>> =
            names.map(|(name, _)| (name.clone(), rows(&json, name))).collect();
        for (name, key, two) in [
            ("cost_by_actor", "act_id", "cost_by_actor_and_status"),
            ("cost_by_group", "group", "cost_by_group_and_status"),
        ] {
            let by_status = rows(by_two, two);
            for row in tables.get_mut(name).into_iter().flatten() {
                let part = by_status.iter().filter(|one| one[key] == row[key]);
                let part: Vec<&JsonRow> = part
                    .filter(|one| UNSUCCESSFUL.contains(&one["status"].as_str().unwrap()))
                    .collect();
                let runs: u128 = part.iter().filter_map(|one| count(one, "runs")).sum();
                row.insert(RUNS_OF_PART.into(), json!(runs as u64));
                row.insert(
                    USAGE_OF_PART.into(),
                    sum(part.iter().map(|one| usd(one, "usage_total_usd"))),
                );
            }
        }
        if let Some(explained) = json["usage_explained"].as_object() {
            tables.insert("usage_explained".into(), lines(explained));
        }
        Expected {
            of_days: rows(by_two, "cost_by_actor_and_day"),
            json,
            tables,
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    pub fn rows(&self, name: &str) -> &[JsonRow] {
        self.tables
            .get(name)
            .unwrap_or_else(|| panic!("no counterpart in report.json: table {name}"))
    }

    pub fn totals(&self) -> &JsonRow {
        self.json["totals"].as_object().unwrap()
    }

    pub fn usage(&self) -> Option<i128> {
        usd(self.totals(), "usage_total_usd")
    }

    /// What the rows from one on come to: counts, known dollars, and what follows from these.
    pub fn rest(&self, name: &str, from: usize) -> JsonRow {
        // Rows of events are parts of rows of Actors.
        if name == "unit_costs" {
            return JsonRow::new();
        }
        let rows = &self.rows(name)[from..];
        let mut rest = sums(rows);
        if is_breakdown(name) || name == "builds_by_actor" {
            self.add_parts(&mut rest);
        }
        rest
    }

    /// Of a breakdown the account's; else what the rows come to, where that makes sense.
    pub fn total(&self, name: &str) -> JsonRow {
        let mut total = sums(self.rows(name));
        match name {
            _ if is_breakdown(name) => {
                let of_rows = total.clone();
                total.extend(self.totals().clone());
                for (key, value) in &of_rows {
                    assert_eq!(
                        total.get(key),
                        Some(value),
                        "the rows of {name} do not come to the account's {key}"
                    );
                }
                self.add_parts(&mut total);
            }
            "unsuccessful_by_actor" => {
                total.remove("runs");
                let part = usd(&total, "usage_unsuccessful_usd").zip(self.usage());
                total.insert(
                    "share_of_actor_usage".into(),
                    json!(part.and_then(|(part, all)| share(part, all))),
                );
            }
            "unsettled_by_actor" => drop(total.remove("runs")),
            "usage_by_service" => {
                let is_unknown = self
                    .rows(name)
                    .iter()
                    .any(|row| row["usage_after_discount_usd"].is_null());
                if is_unknown {
                    total.insert("usage_after_discount_usd".into(), Value::Null);
                }
            }
            "builds_by_actor" => {}
            other => panic!("{other} has a total"),
        }
        total
    }

    fn add_parts(&self, sums: &mut JsonRow) {
        let known = count(sums, "runs").zip(count(sums, "runs_cost_unknown"));
        let usage = usd(sums, "usage_total_usd");
        let mean = usage
            .zip(known)
            .and_then(|(usage, (runs, unknown))| six_places(usage, (runs - unknown) as i128 * super::amounts::ONE));
        sums.insert("mean_usd".into(), json!(mean));
        let part = usage.zip(self.usage()).and_then(|(part, all)| share(part, all));
        sums.insert("share".into(), json!(part));
    }

    /// The usage of a row's unsuccessful runs.
    pub fn usage_of_part(&self, row: &JsonRow) -> Option<i128> {
        match count(row, RUNS_OF_PART) {
            None | Some(0) => usd(row, "usage_total_usd").map(|_| 0),
            Some(_) => usd(row, USAGE_OF_PART),
        }
    }
}

/// Whether every run is in one of its rows.
pub fn is_breakdown(name: &str) -> bool {
    name.starts_with("cost_by_") || name == "status_summary"
}

fn sum(amounts: impl Iterator<Item = Option<i128>>) -> Value {
    let known = amounts.flatten().reduce(|sum, usd| sum + usd);
    json!(known.map(plain))
}

fn sums(rows: &[JsonRow]) -> JsonRow {
    let mut sums = JsonRow::new();
    for key in rows.first().into_iter().flat_map(|row| row.keys()) {
        let is_amount = key.ends_with("_usd") && !["mean_usd", "projected_usd"].contains(&key.as_str());
        if rows[0][key].is_u64() {
            let counts = rows.iter().map(|row| row[key].as_u64().unwrap());
            sums.insert(key.clone(), json!(counts.sum::<u64>()));
        } else if is_amount {
            sums.insert(key.clone(), sum(rows.iter().map(|row| usd(row, key))));
        }
    }
    sums
}

/// The lines of what explains Apify's count, from the object that it is in report.json.
fn lines(explained: &JsonRow) -> Vec<JsonRow> {
    let counted = |count: u64, one: &str, least: bool| {
        let least = if least { "at least " } else { "" };
        let many = if count == 1 && least.is_empty() { "" } else { "s" };
        format!("{least}{} {one}{many}", super::amounts::grouped(count.into()))
    };
    let costs = |name: &str, one: &str| match &explained[name] {
        Value::Null => (Value::Null, "could not be read".into()),
        of => (
            of["usage_usd"].clone(),
            counted(of["cost_known"].as_u64().unwrap(), one, of["is_at_least"] == true),
        ),
    };
    let is_at_least = explained["counted_is_at_least"] == true;
    let (runs, builds) = (costs("runs", "run"), costs("builds", "build"));
    let services = counted(explained["storage_services"].as_u64().unwrap(), "service", false);
    let share = explained["not_attributed_share"].as_str();
    let share = share.map_or(String::new(), |share| super::amounts::percent(units(share)));
    let amounts = [
        (
            "counted",
            explained["counted_usd"].clone(),
            if is_at_least { "at least".into() } else { String::new() },
        ),
        ("runs", runs.0, runs.1),
        ("builds", builds.0, builds.1),
        ("storage", explained["storage_usd"].clone(), services),
        ("not_attributed", explained["not_attributed_usd"].clone(), share),
        (
            "volume_discount",
            explained["volume_discount_usd"].clone(),
            String::new(),
        ),
    ];
    let line = |(item, usd, note): (&str, Value, String)| {
        let note = if note.is_empty() { Value::Null } else { json!(note) };
        let row = json!({"item": item, "usage_usd": usd, "note": note});
        row.as_object().unwrap().clone()
    };
    amounts.into_iter().map(line).collect()
}
