//! Figures outside of tables of rows: tiles, budgets and the chart's legend on the page, what charts of the workbook are drawn from,
//! and the lines of a summary.

use super::amounts::{dollars, grouped, percent, plain, quotient, share, six_places, units};
use super::columns::WORDS;
use super::expected::{Expected, JsonRow, count, usd};
use super::page::{PageSection, cell, text};
use super::read::between;
use super::workbook::Cells;

/// Actors with a bar of their own in the workbook, and with a colour of their own by day there.
const BARS: usize = 20;
const LAYERS: usize = 7;

/// How many are shown by themselves where so many may be: of one more, that itself.
fn own(rows: &[JsonRow], most: usize) -> usize {
    if rows.len() <= most + 1 { rows.len() } else { most }
}

fn parts(count: u128, all: u128) -> String {
    match six_places(count as i128, all as i128) {
        Some(part) => format!("{} of runs", percent(units(&part))),
        None => String::new(),
    }
}

/// The one figure of the page, its exact value, and the tiles.
pub fn tiles(expected: &Expected, page: &str) {
    let totals = expected.totals();
    let of = |key| count(totals, key).unwrap();
    let (figure, _) = between(page, "<p class=\"figure\"", "</p>").unwrap();
    let attribute = |name: &str| between(page, &format!(" {name}=\""), "\"").unwrap().0.to_string();
    assert_eq!(
        (attribute("id=\"usage\" data-usd"), attribute("id=\"runs\" data-runs")),
        (expected.usage().map(plain).unwrap_or_default(), of("runs").to_string())
    );
    let figure = text(figure.split("</span>").nth(1).unwrap());
    let exact = between(page, "<p class=\"exact\">exact: <span>", "</span>").map(|(exact, _)| exact.to_string());
    assert_eq!(exact, expected.usage().map(plain));
    match expected.usage() {
        Some(usage) => assert_eq!(figure, dollars(usage)),
        None => assert_eq!(figure, if of("runs") == 0 { "none" } else { "unknown" }),
    }
    let (tiles, _) = between(page, "<ul class=\"tiles\">", "</ul>").unwrap();
    let tiles: Vec<String> = tiles
        .split("<li")
        .skip(1)
        .map(|tile| tile.split_once('>').unwrap().1)
        .map(|tile| tile.split("</b>").map(text).collect::<Vec<_>>().join(" "))
        .collect();
    let bad: u128 = ["runs_failed", "runs_timed_out", "runs_aborted"].map(of).iter().sum();
    let by_status = expected.rows("status_summary").iter();
    let of_bad = by_status.filter(|row| ["FAILED", "TIMED-OUT", "ABORTED"].contains(&row["status"].as_str().unwrap()));
    let of_bad = of_bad
        .filter_map(|row| usd(row, "usage_total_usd"))
        .reduce(|sum, usd| sum + usd);
    let share = of_bad.zip(expected.usage()).and_then(|(bad, all)| share(bad, all));
    let share = share.map_or(String::new(), |share| format!(", {} of usage", percent(units(&share))));
    let runs = if bad == 1 { "run" } else { "runs" };
    let usage = if bad == 0 {
        "none".into()
    } else {
        of_bad.map_or("unknown".into(), dollars)
    };
    let wanted = [
        format!(
            "{} runs{} succeeded",
            grouped(of("runs")),
            parts(of("runs_succeeded"), of("runs")).replace(" of runs", "")
        ),
        format!("{usage} usage of unsuccessful runs{} {runs}{share}", grouped(bad)),
        format!(
            "{} runs of unknown cost{}",
            grouped(of("runs_cost_unknown")),
            parts(of("runs_cost_unknown"), of("runs"))
        ),
        format!(
            "{} runs of provisional cost{}",
            grouped(of("runs_provisional")),
            parts(of("runs_provisional"), of("runs"))
        ),
    ];
    assert_eq!(tiles, wanted);
}

/// What stands instead of a table: nothing, or only runs without such a value.
pub fn instead(expected: &Expected, section: &PageSection) {
    let (words, _) =
        between(section.html, "<p class=\"muted\">", "</p>").unwrap_or_else(|| panic!("{} says nothing", section.name));
    let rows = expected.rows(section.name);
    match words {
        "None." => assert!(rows.is_empty(), "{}: {rows:?}", section.name),
        "Unknown for all runs." | "No run has a task." | "No run has a schedule." => {
            let is_absent = rows.len() == 1 && rows[0].values().next().unwrap().is_null();
            assert!(is_absent, "{}: {rows:?}", section.name);
        }
        other => panic!("{}: {other}", section.name),
    }
}

/// Each budget of the page: usage, amount, share, projection and how it stands.
pub fn budgets(expected: &Expected, html: &str) {
    let rows = expected.rows("budgets");
    let bars = html.replace("<li class=", "<li><li class=");
    let bars: Vec<&str> = bars.split("<li>").skip(1).filter(|bar| !bar.is_empty()).collect();
    assert_eq!(bars.len(), rows.len());
    for (bar, row) in bars.iter().zip(rows) {
        let usage = cell(between(bar, "<b", "</b>").unwrap().0);
        assert_eq!(usage.full, usd(row, "usage_total_usd").map(plain), "{bar}");
        let shown = text(bar);
        let amount = dollars(usd(row, "budget_usd").unwrap());
        let of = match usd(row, "usage_total_usd") {
            Some(usage) => format!("{} of {amount}", dollars(usage)),
            None => format!("unknown of {amount}"),
        };
        let share = row["share_of_budget"]
            .as_str()
            .map(|share| format!("({})", percent(units(share))));
        let projected = usd(row, "projected_usd").map(|usd| format!("projected: {} by", dollars(usd)));
        let standing = WORDS.iter().find(|(value, _)| row["standing"] == *value).unwrap().1;
        let runs = match count(row, "runs").unwrap() {
            1 => "1 run".to_string(),
            runs => format!("{} runs", grouped(runs)),
        };
        for part in [Some(of), share, projected, Some(standing.into()), Some(runs)]
            .into_iter()
            .flatten()
        {
            assert!(shown.contains(&part), "{part:?} is not in {shown:?}");
        }
    }
}

/// What the colours of the page's chart stand for: usage with all its digits, and its share.
pub fn legend(expected: &Expected, html: &str) {
    let (legend, _) = between(html, "<ol class=\"legend\">", "</ol>").unwrap();
    let rows = expected.rows("cost_by_actor");
    let own = own(rows, 6);
    let colours: Vec<&str> = legend.split("<li>").skip(1).collect();
    assert_eq!(colours.len(), own + usize::from(own < rows.len()));
    for (at, colour) in colours.iter().enumerate() {
        let colour = colour.split_once("</span> ").unwrap().1;
        let row = if at < own {
            rows[at].clone()
        } else {
            expected.rest("cost_by_actor", own)
        };
        let usage = cell(between(colour, "<b", "</b>").unwrap().0);
        let amount = usd(&row, "usage_total_usd");
        assert_eq!(usage.full, amount.map(plain), "{colour}");
        let share = row["share"]
            .as_str()
            .map_or(String::new(), |share| percent(units(share)));
        let shown = text(between(colour, "<b", "</li>").unwrap().0.split_once('>').unwrap().1).replace('\n', "");
        assert_eq!(
            shown.split_whitespace().collect::<Vec<_>>().join(" "),
            format!("{} {share}", amount.map_or("unknown".into(), dollars)).trim()
        );
    }
}

/// The sheet that charts are drawn from: days by Actor, then Actors.
pub fn chart_data(expected: &Expected, sheets: &[(String, Cells)]) {
    let Some((_, cells)) = sheets.iter().find(|(name, _)| name == "Chart data") else {
        assert!(expected.rows("cost_by_actor").is_empty());
        return;
    };
    let text = |row, column| {
        cells
            .get(&(row, column))
            .map_or("", |cell: &super::read::ReadCell| cell.text.as_str())
    };
    let number = |row, column| cells.get(&(row, column)).and_then(|cell| cell.number);
    let double = |amount: Option<i128>| amount.map(|usd| plain(usd).parse::<f64>().unwrap());
    let last = *cells.keys().map(|(row, _)| row).max().unwrap();
    let heads: Vec<u32> = (3..=last)
        .filter(|row| ["day", "Actor"].contains(&text(*row, 1)))
        .collect();
    let (actors, days) = (expected.rows("cost_by_actor"), expected.rows("cost_by_day"));
    for head in heads {
        if text(head, 1) == "day" {
            let own = own(actors, LAYERS);
            for ((at, day), layer) in days
                .iter()
                .enumerate()
                .flat_map(|day| (0..LAYERS + 1).map(move |layer| (day, layer)))
            {
                let ids: Vec<_> = match layer {
                    layer if layer < own => vec![&actors[layer]["act_id"]],
                    _ => actors[own..].iter().map(|row| &row["act_id"]).collect(),
                };
                let of_layer = expected
                    .of_days
                    .iter()
                    .filter(|row| row["day"] == day["day"] && ids.contains(&&row["act_id"]));
                let sum = of_layer
                    .filter_map(|row| usd(row, "usage_total_usd"))
                    .reduce(|sum, usd| sum + usd);
                assert_eq!(
                    number(head + 1 + at as u32, layer as u32 + 2),
                    double(sum),
                    "{} of layer {layer}",
                    day["day"]
                );
            }
        } else {
            let own = own(actors, BARS);
            for (at, row) in (head + 1..).zip(&actors[..own]) {
                assert_eq!(number(at, 2), double(usd(row, "usage_total_usd")), "{row:?}");
            }
            if own < actors.len() {
                let rest = usd(&expected.rest("cost_by_actor", own), "usage_total_usd");
                let row = head + 1 + own as u32;
                assert_eq!(
                    (text(row, 1), number(row, 2)),
                    (&*format!("{} others", actors.len() - own), double(rest))
                );
            }
        }
    }
}

/// The lines of what explains Apify's count.
pub fn explained(expected: &Expected, summary: &str) {
    if !expected.names().any(|name| name == "usage_explained") {
        return;
    }
    for row in expected.rows("usage_explained") {
        let name = WORDS.iter().find(|(value, _)| row["item"] == *value).unwrap().1;
        let line = summary
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("{name:?} is not in\n{summary}"));
        let amount = usd(row, "usage_usd").map_or("unknown".into(), dollars);
        let note = row["note"].as_str().unwrap_or_default();
        let found: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(found.join(" "), format!("{amount} {note}").trim(), "{name}");
    }
}

/// The line of all usage.
pub fn usage_line(expected: &Expected, summary: &str) {
    let line = summary.lines().find(|line| line.starts_with("Usage  ")).unwrap();
    let totals = expected.totals();
    let is_bound = count(totals, "runs_cost_unknown") > Some(0) || count(totals, "runs_provisional") > Some(0);
    let wanted = match expected.usage() {
        Some(usage) if is_bound => format!("at least {}, as priced", dollars(usage)),
        Some(usage) => format!("{}, as priced", dollars(usage)),
        None if count(totals, "runs") == Some(0) => "none: ".into(),
        None => "unknown: ".into(),
    };
    assert!(line["Usage     ".len()..].starts_with(&wanted), "{line}: {wanted}");
}

#[test]
fn a_part_is_rounded_once_more_for_percent() {
    assert_eq!(parts(1, 3), "33.3% of runs");
    assert_eq!(quotient(5, 2, 0), 2);
}
