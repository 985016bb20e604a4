//! Whether a cell shows what report.json has: exactly where its format holds exact values, else rounded as is documented.

use serde_json::Value;

use super::amounts::{dollars, fine_dollars, grouped, percent, short_quantity, units};
use super::columns::{Column, WORDS};
use super::compare::Format;
use super::expected::{Expected, JsonRow, count, is_breakdown, usd};
use super::read::{ReadCell, RowKind};

/// What stands where there is no value.
const NOTHING: [&str; 5] = ["", "–", "unknown", "no task", "no schedule"];

/// Amounts that have a plus where they are a rise.
const CHANGES: [&str; 6] = [
    "change_usd",
    "volume_usd",
    "cost_per_run_usd",
    "event_price_usd",
    "event_quantity_usd",
    "other_usd",
];

/// A cell's place, and the row of report.json that it has to show.
pub struct CellCheck<'e> {
    pub expected: &'e Expected,
    pub format: Format,
    pub name: &'e str,
    pub row: &'e JsonRow,
    pub kind: RowKind,
    /// The first row that isn't shown.
    pub from: usize,
}

impl CellCheck<'_> {
    /// What had to be there, if it isn't.
    pub fn check(&self, column: Column, cell: &ReadCell) -> Result<(), String> {
        let text = |key: &str| self.row.get(key).and_then(Value::as_str);
        match column {
            Column::Text(key) => self.is_text(cell, text(key)),
            Column::Name(name, id) => self.is_name(cell, text(name), text(id)),
            Column::Word(key) => self.is_word(cell, text(key)),
            Column::Counts(keys) => {
                let sum: Option<u128> = keys.iter().map(|key| count(self.row, key)).sum();
                // Where there are no rows, they come to none.
                let sum = sum.or((self.kind == RowKind::Total && cell.number == Some(0.0)).then_some(0));
                self.is_number(cell, sum.map(|sum| (sum.to_string(), grouped(sum))), "")
            }
            Column::Usd(key) => self.is_usd(cell, usd(self.row, key), key),
            Column::UsageOfPart => self.is_usd(cell, self.expected.usage_of_part(self.row), ""),
            Column::Quantity(key) => {
                let quantity = text(key);
                self.is_exact(cell, quantity)?;
                self.is_number(cell, quantity.map(|exact| (exact.into(), short_quantity(exact))), "")
            }
            // No formula could follow it, and the sheet has no other totals.
            Column::Share("share_of_actor_usage") if self.kind == RowKind::Total && self.format == Format::Workbook => {
                self.is_nothing(cell)
            }
            Column::Share(key) => {
                self.is_number(cell, text(key).map(|exact| (exact.into(), percent(units(exact)))), "")
            }
            Column::Change(key) => self.is_change(cell, text(key)),
            Column::Mean(key) => {
                let shown = |exact: &str| match self.format {
                    Format::Markdown => fine_dollars(units(exact)),
                    _ => exact
                        .strip_prefix('-')
                        .map_or(format!("${exact}"), |amount| format!("-${amount}")),
                };
                match text(key) {
                    // The means of others are not in every format.
                    Some(_) if self.kind == RowKind::Rest && cell.text.is_empty() => Ok(()),
                    exact => self.is_number(cell, exact.map(|exact| (exact.into(), shown(exact))), ""),
                }
            }
            Column::Day(key) => self.is_day(cell, text(key)),
            Column::Instant(key) => self.is_instant(cell, text(key)),
            Column::Layer(number) => self.is_layer(cell, number),
            Column::Builds => self.is_builds(cell, text("act_id")),
        }
    }

    fn is_nothing(&self, cell: &ReadCell) -> Result<(), String> {
        let is_nothing = cell.number.is_none() && NOTHING.contains(&cell.text.as_str());
        is_nothing.then_some(()).ok_or("nothing".into())
    }

    /// A number by its exact text and as people read it.
    fn is_number(&self, cell: &ReadCell, number: Option<(String, String)>, lead: &str) -> Result<(), String> {
        let Some((exact, shown)) = number else {
            return self.is_nothing(cell);
        };
        let is_same = match self.format {
            Format::Workbook => cell.number == Some(exact.parse().unwrap()),
            _ => cell.text == format!("{lead}{shown}"),
        };
        is_same.then_some(()).ok_or(format!("{exact}, shown as {lead}{shown}"))
    }

    /// The page's pointer shows every digit.
    fn is_exact(&self, cell: &ReadCell, exact: Option<&str>) -> Result<(), String> {
        let is_exact = self.format != Format::Page || cell.full.as_deref() == exact;
        is_exact
            .then_some(())
            .ok_or(format!("{exact:?} where the pointer rests"))
    }

    fn is_usd(&self, cell: &ReadCell, amount: Option<i128>, key: &str) -> Result<(), String> {
        let Some(amount) = amount else {
            let is_unknown = count(self.row, "runs_cost_unknown") > Some(0) && key == "usage_total_usd";
            let has_word =
                matches!(self.format, Format::Workbook) || self.name.starts_with("change_") || cell.text == "unknown";
            return if is_unknown && !has_word {
                Err("unknown".into())
            } else {
                self.is_nothing(cell)
            };
        };
        let exact = super::amounts::plain(amount);
        self.is_exact(cell, Some(&exact))?;
        let shown = match self.format {
            Format::Markdown => fine_dollars(amount),
            _ => dollars(amount),
        };
        let is_rise = amount > 0 && CHANGES.contains(&key) && self.format != Format::Text;
        let lead = match (self.is_at_least(key), is_rise) {
            (true, _) => "at least ",
            (_, true) => "+",
            _ => "",
        };
        self.is_number(cell, Some((exact, shown)), lead)
    }

    /// Whether the amount of one that isn't shown is unknown, and no count beside the sum says so.
    fn is_at_least(&self, key: &str) -> bool {
        let rows = self.expected.rows(self.name);
        let has_count = rows
            .first()
            .is_some_and(|row| row.keys().any(|key| key.ends_with("cost_unknown")));
        let means_unknown = ["usage_total_usd", "usage_usd"].contains(&key);
        self.kind == RowKind::Rest
            && !has_count
            && means_unknown
            && rows[self.from..].iter().any(|row| row[key].is_null())
    }

    fn is_text(&self, cell: &ReadCell, text: Option<&str>) -> Result<(), String> {
        match text {
            None => self.is_nothing(cell),
            Some("") if cell.text.is_empty() => Ok(()),
            Some(text) if shows(&cell.text, text) && cell.full.as_deref().is_none_or(|full| shows(full, text)) => {
                Ok(())
            }
            Some(text) => Err(text.into()),
        }
    }

    /// Where a format has name and ID in one cell, both are there.
    fn is_name(&self, cell: &ReadCell, name: Option<&str>, id: Option<&str>) -> Result<(), String> {
        let Some((name, id)) = name.zip(id).filter(|(name, id)| name != id) else {
            return match (self.format, name) {
                (Format::Workbook, name) => self.is_text(cell, name),
                (_, name) => self.is_text(cell, name.or(id)),
            };
        };
        match self.format {
            Format::Markdown if self.name != "dearest_runs" && self.name != "builds" => {
                let (shown, rest) = cell.text.rsplit_once(" (").ok_or(format!("{name} ({id})"))?;
                let is_both = shows(shown, name) && rest.strip_suffix(')').is_some_and(|rest| shows(rest, id));
                is_both.then_some(()).ok_or(format!("{name} ({id})"))
            }
            Format::Page if self.name == "dearest_runs" => self.is_text(cell, Some(name)),
            Format::Page => {
                let under = cell.under.as_deref().unwrap_or_default();
                let is_build = self.name == "cost_by_build";
                let is_below = is_build || shows(under, id);
                self.is_text(cell, Some(name))
                    .and(is_below.then_some(()).ok_or(format!("{id} beneath")))
            }
            _ => self.is_text(cell, Some(name)),
        }
    }

    fn is_word(&self, cell: &ReadCell, value: Option<&str>) -> Result<(), String> {
        let Some(value) = value else {
            return self.is_nothing(cell);
        };
        let shown = cell.text.trim();
        if value == "unclear" {
            let is_said = shown.starts_with("up; ")
                || shown.starts_with("down; ")
                || shown.starts_with("same; ")
                || shown.contains("; ");
            return is_said.then_some(()).ok_or("a direction and why it is unclear".into());
        }
        let word = WORDS.iter().find(|(known, _)| *known == value);
        let word = word.map(|(_, word)| *word).ok_or(format!("words for {value}"))?;
        (shown == word).then_some(()).ok_or(word.into())
    }

    /// A rise from nothing is new, and one to tenfold or more a factor.
    fn is_change(&self, cell: &ReadCell, share: Option<&str>) -> Result<(), String> {
        let moved = usd(self.row, "change_usd");
        let was_nothing = count(self.row, "runs_before") == Some(0) || usd(self.row, "usage_before_usd") == Some(0);
        if was_nothing && moved > Some(0) && self.kind == RowKind::One {
            return (cell.text == "new").then_some(()).ok_or("new".into());
        }
        let Some(share) = share.filter(|_| self.kind == RowKind::One) else {
            return self.is_nothing(cell);
        };
        let exact = units(share);
        if exact >= 9 * super::amounts::ONE {
            let factor = super::amounts::quotient(exact + super::amounts::ONE, super::amounts::ONE, 0);
            let shown = format!("×{}", grouped(factor.unsigned_abs()));
            return (cell.text == shown).then_some(()).ok_or(shown);
        }
        let lead = if exact > 0 { "+" } else { "" };
        self.is_number(cell, Some((share.into(), percent(exact))), lead)
    }

    fn is_day(&self, cell: &ReadCell, day: Option<&str>) -> Result<(), String> {
        match (self.format, day) {
            (Format::Workbook, Some(day)) => {
                let date = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").unwrap();
                let serial = date
                    .signed_duration_since(chrono::NaiveDate::from_ymd_opt(1899, 12, 30).unwrap())
                    .num_days();
                (cell.number == Some(serial as f64))
                    .then_some(())
                    .ok_or(format!("{day}, {serial}"))
            }
            _ => self.is_text(cell, day),
        }
    }

    fn is_instant(&self, cell: &ReadCell, instant: Option<&str>) -> Result<(), String> {
        let Some(instant) = instant else {
            return self.is_nothing(cell);
        };
        let is_same = match self.format {
            Format::Workbook => {
                let ms = crate::support::stand_in::ms(instant) as f64;
                let found = cell.number.map(|days| ((days - 25_569.0) * 86_400_000.0).round());
                found == Some(ms)
            }
            _ => cell.text == instant[..16].replace('T', " "),
        };
        is_same.then_some(()).ok_or(instant.into())
    }

    /// The dearest six Actors have a colour of their own, and a seventh if there is no other.
    fn is_layer(&self, cell: &ReadCell, number: usize) -> Result<(), String> {
        assert!(is_breakdown(self.name));
        let actors = self.expected.rows("cost_by_actor");
        let own = if actors.len() <= 7 { actors.len() } else { 6 };
        let ids: Vec<&Value> = match number {
            number if number <= own => vec![&actors[number - 1]["act_id"]],
            _ => actors[own..].iter().map(|row| &row["act_id"]).collect(),
        };
        let day = self.row.get("day");
        let of_layer = self.expected.of_days.iter().filter(|row| ids.contains(&&row["act_id"]));
        let of_layer = of_layer.filter(|row| day.is_none_or(|day| row["day"] == *day));
        let sum: i128 = of_layer.filter_map(|row| usd(row, "usage_total_usd")).sum();
        let shown = if sum == 0 { "–".into() } else { dollars(sum) };
        (cell.text == shown).then_some(()).ok_or(shown)
    }

    /// Only a row of one Actor has its builds.
    fn is_builds(&self, cell: &ReadCell, act_id: Option<&str>) -> Result<(), String> {
        let builds = self.expected.rows("builds_by_actor").iter();
        let found = act_id.and_then(|id| builds.clone().find(|row| row["act_id"] == id));
        let Some(row) = found else {
            return self.is_nothing(cell);
        };
        let builds = count(row, "builds").unwrap();
        let under = format!("{builds} build{}", if builds == 1 { "" } else { "s" });
        let usage = usd(row, "usage_total_usd");
        let is_same = cell.under.as_deref() == Some(&under)
            && cell.text == usage.map_or("unknown".into(), dollars)
            && cell.full == usage.map(super::amounts::plain);
        is_same.then_some(()).ok_or(format!("{usage:?} of {under}"))
    }
}

/// Whether a text is shown: whole, or cut where that is marked; what steers a reader is shown as an escape.
fn shows(shown: &str, text: &str) -> bool {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let whole: String = text
        .chars()
        .map(|c| {
            if steers(c) {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            }
        })
        .collect();
    let cut = ["… (cut: too long for a cell)", "…", "..."]
        .iter()
        .find_map(|mark| shown.strip_suffix(mark));
    let is_begun = |begun: &str| begun.chars().count() >= 8 && whole.len() > begun.len() && whole.starts_with(begun);
    shown == whole.trim_end() || shown == whole || cut.is_some_and(is_begun)
}
