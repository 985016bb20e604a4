//! The chart by day, stacked by the dearest Actors, and its figures as a table. Amounts are exact; only where a bar lies on
//! the page is floating point. Across, everything is in percent, so that letters keep their size on a narrow screen.

use std::ops::Range;

use serde::Serialize;

use super::grid::{Grid, GridCell, GridHead, GridRow};
use super::scale::Scale;
use crate::money::{Ratio, Usd};
use crate::report::Report;
use crate::report::buckets::{Buckets, Unit};
use crate::report::dimension::Dimension;
use crate::report::display_text::DisplayText;
use crate::report::figures::{Breakdown, Layer};
use crate::report::measures::Measures;

const ACTORS: usize = 6;
/// The bars' height on the page, and the room above and below them, in pixels.
const HEIGHT: f64 = 220.0;
const ABOVE: f64 = 10.0;
/// How much of its place a bar fills.
const FILLED: f64 = 0.78;
const NAMES: usize = 9;
/// Above the columns of colours, and what the page's script calls these.
const LAYER_HEADS: [(&str, &str); ACTORS + 1] = [
    ("1", "layer1"),
    ("2", "layer2"),
    ("3", "layer3"),
    ("4", "layer4"),
    ("5", "layer5"),
    ("6", "layer6"),
    ("7", "layer7"),
];

#[derive(Debug, Serialize)]
pub struct Chart {
    pub title: String,
    pub description: String,
    pub marks: Vec<Mark>,
    pub names: Vec<AxisLabel>,
    pub parts: Vec<BarPart>,
    /// What each colour stands for, as they are stacked from below.
    pub legend: Vec<Colour>,
    pub grid: Grid,
}

#[derive(Debug, Serialize)]
pub struct Mark {
    y: String,
    text: String,
}

#[derive(Debug, Serialize)]
pub struct AxisLabel {
    x: String,
    text: String,
    is_minor: bool,
}

#[derive(Debug, Serialize)]
pub struct BarPart {
    colour: usize,
    x: String,
    width: String,
    y: String,
    height: String,
    /// What the pointer shows.
    text: String,
}

#[derive(Debug, Serialize)]
pub struct Colour {
    colour: usize,
    name: DisplayText,
    is_rest: bool,
    usage: GridCell,
    share: Option<String>,
}

struct Bar {
    name: String,
    measures: Measures,
    layers: Vec<Usd>,
}

impl Bar {
    fn usage(&self) -> Usd {
        self.layers.iter().fold(Usd::default(), |sum, usd| plus(sum, *usd))
    }
}

/// Sums of parts of what was summed before: they fit.
fn plus(sum: Usd, usd: Usd) -> Usd {
    Usd(sum.0.saturating_add(usd.0))
}

/// The chart; none where there is nothing to draw.
pub fn chart(report: &Report, title: String) -> Option<Chart> {
    let figures = &report.figures;
    let by_day = figures.by(Dimension::Day)?;
    let actors = figures.by(Dimension::Actor)?;
    // Where no cost is known, bars of no height would say that there was none.
    figures.totals.usage()?;
    let (days, layers) = figures.layers(ACTORS);
    let buckets = Buckets::of(&report.facts.period.days());
    let mut bars: Vec<Bar> = (0..buckets.starts.len())
        .map(|at| Bar {
            name: buckets.name(at),
            measures: Measures::default(),
            layers: vec![Usd::default(); layers.len()],
        })
        .collect();
    for group in by_day.groups() {
        if let Some(bar) = group.key(0).and_then(|day| buckets.place(day)) {
            bars[bar].measures = bars[bar].measures.and(group.measures);
        }
    }
    for (at, day) in days.iter().enumerate() {
        let Some(bar) = buckets.place(day) else { continue };
        for (sum, layer) in bars[bar].layers.iter_mut().zip(&layers) {
            *sum = plus(*sum, layer.usage[at].unwrap_or_default());
        }
    }
    let largest = bars.iter().map(Bar::usage).max().unwrap_or_default();
    let scale = Scale::up_to(largest);
    Some(Chart {
        description: description(&bars, buckets.unit),
        marks: scale
            .marks()
            .into_iter()
            .map(|(usd, text)| Mark {
                y: pixels(ABOVE + HEIGHT - height(usd, &scale)),
                text,
            })
            .collect(),
        names: names(&buckets),
        parts: parts(&bars, &layers, &scale),
        legend: legend(&layers, actors, &figures.totals),
        grid: grid(&title, &bars, &layers, buckets.unit, report),
        title,
    })
}

fn description(bars: &[Bar], unit: Unit) -> String {
    let runs = bars.iter().filter(|bar| bar.measures.runs() > 0).count();
    let dearest = bars.iter().max_by_key(|bar| bar.usage());
    let dearest = dearest.filter(|bar| bar.usage().0 > 0).map_or(String::new(), |bar| {
        format!(", the most expensive is {} with {}", bar.name, bar.usage().dollars())
    });
    let noun = match unit {
        Unit::Day => "days",
        Unit::Week => "weeks",
        Unit::Month => "months",
    };
    format!(
        "{runs} of {} {noun} have runs{dearest}. The table below has all figures.",
        bars.len()
    )
}

fn height(usd: Usd, scale: &Scale) -> f64 {
    (usd.0.max(0) as f64 / scale.top().0 as f64 * HEIGHT).min(HEIGHT)
}

/// The part of the whole width that a bar's place takes, in percent.
fn place(at: usize, bars: usize) -> Range<f64> {
    let width = 100.0 / bars as f64;
    at as f64 * width..(at + 1) as f64 * width
}

fn parts(bars: &[Bar], layers: &[Layer], scale: &Scale) -> Vec<BarPart> {
    let mut parts = Vec::new();
    for (at, bar) in bars.iter().enumerate() {
        let place = place(at, bars.len());
        let width = (place.end - place.start) * FILLED;
        let x = f64::midpoint(place.start, place.end) - width / 2.0;
        let mut below = 0.0;
        for (layer, usd) in bar.layers.iter().enumerate().filter(|(_, usd)| usd.0 > 0) {
            let shown = &layers[layer].shown;
            let height = height(*usd, scale);
            parts.push(BarPart {
                colour: colour(layer, layers),
                x: format!("{x:.3}%"),
                width: format!("{width:.3}%"),
                y: pixels(ABOVE + HEIGHT - below - height),
                height: pixels(height),
                text: format!(
                    "{} · {} · {}",
                    bar.name,
                    DisplayText::within(shown, 40).text,
                    usd.dollars()
                ),
            });
            below += height;
        }
    }
    parts
}

fn pixels(length: f64) -> String {
    format!("{length:.1}")
}

/// All others are grey, as a seventh Actor is.
fn colour(layer: usize, layers: &[Layer]) -> usize {
    match layers[layer].act_id {
        Some(_) => layer,
        None => ACTORS,
    }
}

fn names(buckets: &Buckets) -> Vec<AxisLabel> {
    let bars = buckets.starts.len();
    let step = match bars.div_ceil(NAMES) {
        step @ 0..=2 => step.max(1),
        step if buckets.unit == Unit::Day => step.next_multiple_of(7),
        step => step,
    };
    let name = |(nth, at): (usize, usize)| {
        let place = place(at, bars);
        let middle = f64::midpoint(place.start, place.end);
        AxisLabel {
            x: format!("{middle:.3}%"),
            text: buckets.short_name(at),
            is_minor: nth % 2 == 1,
        }
    };
    (0..bars).step_by(step).enumerate().map(name).collect()
}

/// Layers are the first Actors of their report and the rest of them: what they are called and used is taken from there.
fn legend(layers: &[Layer], actors: &Breakdown, totals: &Measures) -> Vec<Colour> {
    let (top, rest) = actors.top(ACTORS);
    let measures = top.iter().map(|actor| *actor.measures).chain(rest.map(|(_, sum)| sum));
    let colour = |(at, (layer, measures)): (usize, (&Layer, Measures))| Colour {
        colour: colour(at, layers),
        name: DisplayText::within(&layer.shown, 40),
        is_rest: layer.act_id.is_none(),
        usage: GridCell::usd(measures.usage(), "unknown"),
        share: measures.share_of(totals).and_then(Ratio::percent),
    };
    layers.iter().zip(measures).enumerate().map(colour).collect()
}

fn grid(title: &str, bars: &[Bar], layers: &[Layer], unit: Unit, report: &Report) -> Grid {
    let totals = &report.figures.totals;
    let mut heads = vec![
        GridHead::text(unit.noun()).of_column(unit.word()),
        GridHead::number("usage").of_column("usage_total_usd"),
        GridHead::number("share").of_column("share"),
        GridHead::number("runs").of_column("runs"),
        GridHead::number("cost unknown").of_column("runs_cost_unknown"),
    ];
    // Colours are named beside the chart; here their numbers stand for them.
    let of_layer = |(number, column): &(&'static str, &'static str)| GridHead::number(number).of_column(column);
    heads.extend(LAYER_HEADS.iter().take(layers.len()).map(of_layer));
    let cells = |name: GridCell, measures: &Measures, layers: &[Usd]| {
        let mut cells = vec![
            name,
            GridCell::usd(measures.usage(), if measures.runs() == 0 { "–" } else { "unknown" }),
            GridCell::share(measures.usage(), totals.usage()),
            GridCell::count(measures.runs()),
            GridCell::count(measures.cost_unknown()),
        ];
        cells.extend(layers.iter().map(|usd| match usd.0 {
            0 => GridCell {
                usd: Some("0".into()),
                ..GridCell::absent("–")
            },
            _ => GridCell::usd(Some(*usd), ""),
        }));
        cells
    };
    let mut rows: Vec<GridRow> = bars
        .iter()
        .map(|bar| {
            let cells = cells(GridCell::words(&bar.name), &bar.measures, &bar.layers);
            GridRow::of(cells).of_value(&bar.name)
        })
        .collect();
    let sum = |layer: &Layer| {
        layer
            .usage
            .iter()
            .flatten()
            .fold(Usd::default(), |sum, usd| plus(sum, *usd))
    };
    let sums: Vec<Usd> = layers.iter().map(sum).collect();
    rows.push(GridRow::total(cells(GridCell::words("Total"), totals, &sums)));
    Grid {
        caption: title.into(),
        heads,
        rows,
        note: None,
    }
}
