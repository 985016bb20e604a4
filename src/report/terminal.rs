//! The summary on stdout: 80 columns, aligned, readable without colour. The dearest Actors; the rest is in the files.

use super::Report;
use super::console::{actor_url, run_url};
use super::dimension::Dimension;
use super::figures::Group;
use super::headline;
use super::measures::Measures;
use super::table::{Cell, Table, TableColumn};
use super::usage_explained::{NOT_ATTRIBUTED, UsageExplained, UsageLine};
use crate::money::{Usd, percent};
use crate::period::format_instant;
use crate::provenance::Source;
use crate::text::{counted, escape_control, no_break, pad, thousands, truncate, width, wrap_labelled};

const MOVERS: usize = 5;
/// Columns that a line may have.
pub const WIDTH: usize = 80;
const LABEL: usize = 10;
/// Actors shown; the rest go into one line.
const ACTORS: usize = 10;
const NARROWEST_NAME: usize = 20;
/// The widest name of a line of counted usage, and its indent.
const USAGE_NAME: usize = 41;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStyle {
    Plain,
    Bold,
    /// Bold letters, and links to Apify Console.
    Linked,
}

impl TextStyle {
    pub(super) fn bold(self, text: &str) -> String {
        if self == TextStyle::Plain {
            text.into()
        } else {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        }
    }

    /// The same without links where runs are made up: Apify Console doesn't have them.
    pub(super) fn of(self, source: Source) -> TextStyle {
        match (self, source) {
            (TextStyle::Linked, Source::Demo) => TextStyle::Bold,
            _ => self,
        }
    }

    /// A text that opens an address, as <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda> describes it. Its
    /// bytes are no columns: widths are measured before.
    pub(super) fn link(self, text: &str, url: &str) -> String {
        if self == TextStyle::Linked {
            format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
        } else {
            text.into()
        }
    }

    /// A line that begins with a name, or as much of it as fits: that part opens an address.
    pub(super) fn link_start(self, line: &str, name: &str, url: &str) -> String {
        let same = line.chars().zip(name.chars()).take_while(|(one, other)| one == other);
        let mut end = same.map(|(letter, _)| letter.len_utf8()).sum();
        if line[end..].starts_with('…') {
            end += '…'.len_utf8();
        }
        self.link(&line[..end], url) + &line[end..]
    }
}

pub fn render(report: &Report, look: TextStyle) -> String {
    let look = look.of(report.facts.source);
    let mut lines = Vec::new();
    lines.extend(report.facts.source.notice().map(|notice| look.bold(notice)));
    let mut entries = headline::entries(report);
    let caveats = &report.facts.caveats;
    if !caveats.is_empty() {
        entries.push((
            "Caveats",
            caveats
                .iter()
                .map(|caveat| escape_control(&caveat.to_string()))
                .collect(),
        ));
    }
    for (label, sentences) in entries {
        for (at, sentence) in sentences.iter().enumerate() {
            lines.push(wrap_labelled(if at == 0 { label } else { "" }, sentence, LABEL, WIDTH));
        }
    }
    if report.only.is_empty() {
        lines.extend(actors(report, look));
        lines.extend(counted_usage(report, look));
        lines.extend(movers(report, look));
    } else {
        for table in report.tables() {
            lines.push(String::new());
            lines.push(look.bold(&escape_control(&table.title)));
            lines.extend(table_lines(&table, None, look));
        }
    }
    lines.join("\n") + "\n"
}

fn actors(report: &Report, look: TextStyle) -> Vec<String> {
    let totals = &report.figures.totals;
    let Some(actors) = report.figures.by(Dimension::Actor).filter(|actors| !actors.is_empty()) else {
        return Vec::new();
    };
    let heads = ["Actor", "runs", "usage", "share", "unsuccessful", "cost unknown"].map(String::from);
    let mut rows = vec![heads];
    let (top, rest) = actors.top(ACTORS);
    let line = |actor: &Group| group(&escape_control(actor.shown()), actor.measures, totals);
    rows.extend(top.iter().map(line));
    rows.extend(rest.map(|(more, measures)| {
        let name = counted(more as u64, "other Actor", "other Actors");
        group(&name, &measures, totals)
    }));
    rows.push(group("Total", totals, totals));
    let mut lines = vec![String::new()];
    let table = aligned(&rows);
    let last = table.len() - 1;
    lines.extend(
        (0..)
            .zip(table)
            .map(|(at, line)| match top.get(usize::wrapping_sub(at, 1)) {
                Some(actor) => {
                    let url = actor_url(actor.key(0).unwrap_or_default());
                    look.link_start(&line, &escape_control(actor.shown()), &url)
                }
                None if at == 0 || at == last => look.bold(&line),
                None => line,
            }),
    );
    lines.push(String::new());
    let outcomes: Vec<String> = headline::outcomes(report).iter().map(|part| no_break(part)).collect();
    lines.push(wrap_labelled("", &outcomes.join(" · "), 0, WIDTH));
    lines
}

/// What Apify counts of the period, and what explains it.
fn counted_usage(report: &Report, look: TextStyle) -> Vec<String> {
    let explained = report.usage_explained().zip(headline::counted_title(report));
    let Some((explained, title)) = explained else {
        return Vec::new();
    };
    let mut lines = vec![String::new()];
    lines.extend(usage_lines(&explained, &title, look));
    lines
}

/// The table of what explains Apify's count, under a title.
pub(super) fn usage_lines(explained: &UsageExplained, title: &str, look: TextStyle) -> Vec<String> {
    let dollars = |usd: Option<Usd>| usd.map_or("unknown".into(), Usd::dollars);
    let table = explained.lines();
    let widest = table.iter().map(|line| width(&dollars(line.usd))).max().unwrap_or(0);
    let line = |line: &UsageLine| {
        let indent = if line.is_part { "  " } else { "" };
        let name = pad(&format!("{indent}{}", line.name), USAGE_NAME);
        let text = format!("{name} {:>widest$}  {}", dollars(line.usd), line.note);
        text.trim_end().to_string()
    };
    let mut lines = vec![look.bold(&wrap_labelled("", title, 0, WIDTH))];
    for one in &table {
        lines.push(line(one));
        let among = explained.among_the_rest();
        if one.item == NOT_ATTRIBUTED && !among.is_empty() {
            lines.push(wrap_labelled("", &format!("among it: {}", among.join("; ")), 4, WIDTH));
        }
    }
    lines
}

fn movers(report: &Report, look: TextStyle) -> Vec<String> {
    let against = report.against.as_ref();
    let Some(moved) = against.and_then(|against| against.largest_changes(report.reported_period(), MOVERS)) else {
        return Vec::new();
    };
    let named = Table {
        columns: moved.columns.clone(),
        name: moved.name.clone(),
        title: moved.title.clone(),
        len: moved.len,
        row: Box::new(|at| match (moved.row)(at).as_slice() {
            // The ID is the first column, the name the last: what is shown is the name, or else the ID.
            [id, between @ .., Cell::Absent] => [&[Cell::Absent], between, std::slice::from_ref(id)].concat(),
            named => named.to_vec(),
        }),
        total: None,
        note: None,
    };
    let mut lines = vec![String::new(), look.bold("Largest changes since the previous period")];
    let wanted = [
        "act_name",
        "change",
        "usage_before_usd",
        "usage_total_usd",
        "change_usd",
    ];
    lines.extend(table_lines(&named, Some(&wanted), look));
    lines.extend(moved.note.iter().map(|note| wrap_labelled("", note, 0, WIDTH)));
    lines
}

fn group(name: &str, measures: &Measures, totals: &Measures) -> [String; 6] {
    let dollars = |usd: Option<Usd>| usd.map_or("unknown".into(), |usd| usd.dollars());
    // Where no cost is known nothing is known of a part of it; where some is, a part without runs is zero.
    let unsuccessful = measures.unsuccessful();
    let unsuccessful = match unsuccessful.runs {
        0 => measures.usage().map(|_| Usd::default()),
        _ => unsuccessful.usage(),
    };
    [
        name.into(),
        thousands(measures.runs()),
        dollars(measures.usage()),
        share(measures, totals).unwrap_or_default(),
        dollars(unsuccessful),
        thousands(measures.cost_unknown()),
    ]
}

/// Figures as wide as they are; names have what is left of the line.
fn aligned(rows: &[[String; 6]]) -> Vec<String> {
    let gaps = [0, 1, 1, 1, 2, 2];
    let widest = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let figures: Vec<usize> = (1..gaps.len()).map(|at| gaps[at] + widest(at)).collect();
    let name = WIDTH.saturating_sub(figures.iter().sum()).max(NARROWEST_NAME);
    let line = |[name_text, texts @ ..]: &[String; 6]| {
        let figures = texts
            .iter()
            .zip(&figures)
            .map(|(text, width)| format!("{text:>width$}"));
        let line = pad(name_text, name) + &figures.collect::<String>();
        line.trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

fn share(measures: &Measures, totals: &Measures) -> Option<String> {
    percent(measures.usage()?, totals.usage()?)
}

const TEXT_WIDTH: usize = 40;

/// A table in full, or some columns of it, as wide as its cells are.
fn table_lines(table: &Table, only: Option<&[&str]>, look: TextStyle) -> Vec<String> {
    if table.len == 0 {
        return vec!["None.".into()];
    }
    let mut order = table.reading_order();
    order.retain(|at| only.is_none_or(|only| only.contains(&table.columns[*at].name)));
    let cells =
        |cells: &[Cell]| -> Vec<String> { order.iter().map(|at| cell(&cells[*at], &table.columns[*at])).collect() };
    let mut rows: Vec<Vec<String>> = table.rows().map(|row| cells(&row)).collect();
    let urls: Vec<Vec<Option<String>>> = match look {
        TextStyle::Linked => table.rows().map(|row| urls(table, &row)).collect(),
        _ => Vec::new(),
    };
    if let Some(total) = &table.total {
        let told = order.iter().map(|at| match &total[*at] {
            Cell::Absent => String::new(),
            told => cell(told, &table.columns[*at]),
        });
        let mut total: Vec<String> = told.collect();
        total[0] = "Total".into();
        rows.push(total);
    }
    let heads: Vec<String> = order.iter().map(|at| table.columns[*at].head.to_string()).collect();
    let widest = |at: usize| rows.iter().chain([&heads]).map(|row| width(&row[at])).max();
    let widths: Vec<usize> = (0..order.len()).map(|at| widest(at).unwrap_or(0)).collect();
    let line = |row: &Vec<String>, urls: Option<&Vec<Option<String>>>| {
        let padded = row.iter().zip(&order).zip(&widths).map(|((text, at), width)| {
            let room = " ".repeat(width.saturating_sub(self::width(text)));
            match urls.and_then(|urls| urls[*at].as_deref()) {
                Some(url) => look.link(text, url) + &room,
                None if table.columns[*at].kind.is_number() => room + text,
                None => text.clone() + &room,
            }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let last = rows.len() - 1;
    let mut lines = vec![look.bold(&line(&heads, None))];
    let is_total = |at| table.total.is_some() && at == last;
    lines.extend(rows.iter().enumerate().map(|(at, row)| match is_total(at) {
        true => look.bold(&line(row, None)),
        false => line(row, urls.get(at)),
    }));
    lines.extend(table.note.clone());
    lines
}

/// The addresses that a row's cells open: a run's own, and its Actor's.
fn urls(table: &Table, cells: &[Cell]) -> Vec<Option<String>> {
    let text = |name: &str| {
        let at = table.columns.iter().position(|column| column.name == name)?;
        match &cells[at] {
            Cell::Text(text) => Some(text.as_ref()),
            _ => None,
        }
    };
    let url = |column: &TableColumn| match column.name {
        "id" => text("id").map(run_url),
        "act_id" | "act_name" => text(column.name).and(text("act_id")).map(actor_url),
        _ => None,
    };
    table.columns.iter().map(url).collect()
}

fn cell(cell: &Cell, column: &TableColumn) -> String {
    match &column.shown(cell) {
        Cell::Absent => column.absent.into(),
        Cell::Text(text) | Cell::Worded(_, text) => truncate(&escape_control(text), TEXT_WIDTH),
        Cell::Count(count) => thousands(*count),
        Cell::Quantity(quantity) => quantity.to_string(),
        Cell::Usd(usd) => usd.dollars(),
        Cell::Decimal(share) if column.kind.is_percent() => share.percent().unwrap_or_default(),
        Cell::Decimal(decimal) => decimal.to_string(),
        Cell::Instant(ms) => format_instant(*ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text as a terminal shows it.
    fn shown(text: &str) -> String {
        let parts = text.split("\u{1b}]8;;").enumerate();
        parts
            .map(|(at, part)| {
                if at == 0 {
                    part
                } else {
                    part.split_once("\u{1b}\\").unwrap().1
                }
            })
            .collect()
    }

    #[test]
    fn a_link_changes_nothing_that_is_shown() {
        for (line, name, linked) in [
            ("apify/web-scraper    12", "apify/web-scraper", "apify/web-scraper"),
            ("日本語の…  12", "日本語のアクター", "日本語の…"),
            ("ab 12", "ab 1", "ab 1"),
        ] {
            let found = TextStyle::Linked.link_start(line, name, "https://h/x");
            assert_eq!(shown(&found), line);
            let expected = format!("\u{1b}]8;;https://h/x\u{1b}\\{linked}\u{1b}]8;;");
            assert!(found.starts_with(&expected), "{found:?}");
            assert_eq!(TextStyle::Bold.link_start(line, name, "https://h/x"), line);
        }
    }

    #[test]
    fn made_up_runs_have_no_links() {
        assert_eq!(TextStyle::Linked.of(Source::Demo), TextStyle::Bold);
        assert_eq!(TextStyle::Linked.of(Source::Api), TextStyle::Linked);
        assert_eq!(TextStyle::Plain.of(Source::Demo), TextStyle::Plain);
    }
}
