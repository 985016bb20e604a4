//! The sheet of charts: dollars by day, stacked by the dearest Actors, and by Actor; and the sheet of what they are drawn from,
//! since a chart of a workbook has its figures in cells.

use rust_xlsxwriter::{
    Chart, ChartAxisLabelPosition, ChartFont, ChartFormat, ChartLegendPosition, ChartLine, ChartPoint, ChartSolidFill,
    ChartType, Color, RowNum, Worksheet, XlsxError,
};

use super::cells::{CellFormat, Value};
use super::sheet::for_print;
use super::styles::Styles;
use super::table::note_of;
use crate::money::Usd;
use crate::report::Report;
use crate::report::dimension::Dimension;
use crate::report::figures::Layer;
use crate::text::truncate;

pub const NAME: &str = "Charts";
pub const TITLE: &str = "Cost by day and by Actor";

pub const DATA_NAME: &str = "Chart data";
pub const DATA_TITLE: &str = "Data of the charts";

/// Actors with a colour of their own by day.
const LAYERS: usize = 7;
/// Actors with a bar of their own.
const BARS: usize = 20;
/// Colours that differ also for colour-blind readers, and in print.
const COLOURS: [u32; LAYERS + 1] = [
    0x1F_4E_79, 0xE6_9F_00, 0x00_9E_73, 0x56_B4_E9, 0xD5_5E_00, 0xCC_79_A7, 0x8C_6B_B1, 0xF0_E4_42,
];
const OTHERS: u32 = 0xA6_A6_A6;

const WIDTH: u32 = 1220;
const DAYS_HEIGHT: u32 = 380;
/// A row's height on the screen.
const ROW_PIXELS: u32 = 20;
const FIRST_ROW: RowNum = 3;
/// Most characters of a name in a chart.
const NAME_WIDTH: usize = 36;

pub fn sheets(report: &Report, styles: &Styles) -> Result<Option<(Worksheet, Worksheet)>, XlsxError> {
    let wanted = |name: &str| report.only.is_empty() || report.only.iter().any(|only| only == name);
    let bars = bars(report).filter(|bars| wanted(Dimension::Actor.report()) && !bars.is_empty());
    let (days, layers) = report.figures.layers(LAYERS);
    // Where no cost is known there is nothing to draw.
    let is_known = report.figures.totals.usage().is_some();
    let by_day = wanted(Dimension::Day.report()) && is_known && !days.is_empty() && !layers.is_empty();
    if bars.is_none() && !by_day {
        return Ok(None);
    }
    let mut sheet = empty(NAME, TITLE, report, styles)?;
    let mut data = empty(DATA_NAME, DATA_TITLE, report, styles)?;
    data.set_column_width(0, 34)?
        .set_column_range_width(1, LAYERS as u16 + 1, 17)?;
    let (mut row, mut data_row) = (FIRST_ROW, FIRST_ROW);
    if by_day {
        let chart = days_chart(&mut data, styles, data_row, &days, &layers)?;
        sheet.insert_chart(row, 0, &chart)?;
        row += DAYS_HEIGHT.div_ceil(ROW_PIXELS) + 1;
        data_row += days.len() as RowNum + 3;
    }
    if let Some(bars) = bars {
        let mut chart = bars_chart(&mut data, styles, data_row, &bars)?;
        sheet.insert_chart(row, 0, chart.set_height(110 + 22 * bars.len() as u32))?;
    }
    sheet.set_print_fit_to_pages(1, 1);
    Ok(Some((sheet, data)))
}

fn empty(name: &str, title: &str, report: &Report, styles: &Styles) -> Result<Worksheet, XlsxError> {
    let mut sheet = Worksheet::new();
    sheet.set_name(name)?.set_row_height(0, 24)?;
    sheet.write_string_with_format(0, 0, title, &styles.title)?;
    sheet.write_string_with_format(1, 0, note_of(report, []), &styles.note)?;
    for_print(&mut sheet, report);
    Ok(sheet)
}

fn days_chart(
    sheet: &mut Worksheet,
    styles: &Styles,
    first: RowNum,
    days: &[String],
    layers: &[Layer],
) -> Result<Chart, XlsxError> {
    let (date, dollars) = (Styles::column(CellFormat::Date), Styles::column(CellFormat::Usd));
    sheet.set_row_height(first, 48)?;
    sheet.write_string_with_format(first, 0, "day", &styles.head)?;
    let rows = first + 1..;
    for (row, day) in rows.clone().zip(days) {
        match Value::date(day) {
            Value::Number(serial) => sheet.write_number_with_format(row, 0, serial, &date)?,
            _ => sheet.write_string(row, 0, day)?,
        };
    }
    let last = first + days.len() as RowNum;
    let mut chart = Chart::new(ChartType::ColumnStacked);
    for ((column, layer), colour) in (1..).zip(layers).zip(COLOURS) {
        name(sheet, first, column, &layer.shown, styles)?;
        for (row, usage) in rows.clone().zip(&layer.usage) {
            if let Some(usage) = usage {
                amount(sheet, (row, column), *usage, &dollars)?;
            }
        }
        let colour = if layer.act_id.is_some() { colour } else { OTHERS };
        chart
            .add_series()
            .set_name((DATA_NAME, first, column))
            .set_categories((DATA_NAME, first + 1, 0, last, 0))
            .set_values((DATA_NAME, first + 1, column, last, column))
            .set_gap(40)
            .set_format(ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(Color::RGB(colour))));
    }
    title(
        &mut chart,
        "US dollars by day and most expensive Actors (runs of known cost)",
    );
    chart
        .x_axis()
        .set_date_axis(true)
        .set_num_format("mm-dd")
        .set_label_position(ChartAxisLabelPosition::Low)
        .set_name("Start day of the runs");
    value_axis(chart.y_axis());
    chart.legend().set_position(ChartLegendPosition::Bottom);
    chart.set_width(WIDTH).set_height(DAYS_HEIGHT);
    chart.set_alt_text(
        "Stacked columns of US dollars by day, one colour per Actor; the figures are on the sheet Chart data.",
    );
    Ok(chart)
}

fn bars(report: &Report) -> Option<Vec<(String, Option<Usd>, bool)>> {
    let (top, rest) = report.figures.by(Dimension::Actor)?.top(BARS);
    let own = top
        .iter()
        .map(|actor| (actor.shown().to_string(), actor.measures.usage(), true));
    let rest = rest.map(|(others, sum)| (format!("{others} others"), sum.usage(), false));
    Some(own.chain(rest).collect())
}

fn bars_chart(
    sheet: &mut Worksheet,
    styles: &Styles,
    first: RowNum,
    bars: &[(String, Option<Usd>, bool)],
) -> Result<Chart, XlsxError> {
    let dollars = Styles::column(CellFormat::Usd);
    sheet.write_string_with_format(first, 0, "Actor", &styles.head)?;
    sheet.write_string_with_format(first, 1, "usage, $", &styles.head_of_numbers)?;
    for (row, (name, usage, _)) in (first + 1..).zip(bars) {
        if let Value::Text(name) = Value::text(&truncate(name, NAME_WIDTH)) {
            sheet.write_string(row, 0, name)?;
        }
        if let Some(usage) = usage {
            amount(sheet, (row, 1), *usage, &dollars)?;
        }
    }
    let last = first + bars.len() as RowNum;
    let points: Vec<ChartPoint> = bars
        .iter()
        .map(|(.., own)| {
            let colour = if *own { COLOURS[0] } else { OTHERS };
            let mut fill = ChartSolidFill::new();
            ChartPoint::new().set_format(ChartFormat::new().set_solid_fill(fill.set_color(Color::RGB(colour))))
        })
        .collect();
    let mut chart = Chart::new(ChartType::Bar);
    chart
        .add_series()
        .set_name((DATA_NAME, first, 1))
        .set_categories((DATA_NAME, first + 1, 0, last, 0))
        .set_values((DATA_NAME, first + 1, 1, last, 1))
        .set_gap(35)
        .set_points(&points)
        .set_data_label(
            rust_xlsxwriter::ChartDataLabel::new()
                .show_value()
                .set_num_format(CellFormat::Usd.num_format()),
        );
    title(&mut chart, "US dollars by Actor (runs of known cost)");
    // The dearest on top, and the dollars below all the same. A bar chart's x axis is that of its values.
    chart.y_axis().set_reverse();
    // Names stay at the edge where bars go below zero.
    chart.y_axis().set_label_position(ChartAxisLabelPosition::Low);
    value_axis(chart.x_axis());
    chart.x_axis().set_label_position(ChartAxisLabelPosition::High);
    chart.legend().set_hidden();
    chart.set_width(WIDTH);
    chart.set_alt_text("Bars of US dollars by Actor, most expensive first; the figures are on the sheet Chart data.");
    Ok(chart)
}

fn title(chart: &mut Chart, text: &str) {
    chart.title().set_name(text).set_font(ChartFont::new().set_size(13));
}

fn value_axis(axis: &mut rust_xlsxwriter::ChartAxis) {
    axis.set_name("US dollars")
        .set_num_format("$#,##0.##")
        .set_major_gridlines_line(ChartLine::new().set_color(Color::RGB(0xD9_D9_D9)));
}

fn name(sheet: &mut Worksheet, row: RowNum, column: u16, shown: &str, styles: &Styles) -> Result<(), XlsxError> {
    if let Value::Text(text) = Value::text(&truncate(shown, NAME_WIDTH)) {
        sheet.write_string_with_format(row, column, text, &styles.names)?;
    }
    Ok(())
}

fn amount(
    sheet: &mut Worksheet,
    at: (RowNum, u16),
    usd: Usd,
    format: &rust_xlsxwriter::Format,
) -> Result<(), XlsxError> {
    if let Value::Number(number) = Value::usd(usd) {
        sheet.write_number_with_format(at.0, at.1, number, format)?;
    }
    Ok(())
}
