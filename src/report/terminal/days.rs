//! Usage by day in one line of blocks, for who sits before a terminal: weeks or months where there are too many days.

use super::style::{TextLayout, TextStyle};
use crate::money::Usd;
use crate::report::Report;
use crate::report::buckets::Buckets;
use crate::report::dimension::Dimension;
use crate::report::measures::Measures;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '%', '#'];

/// The label, the line, and what it shows; none of a single day, nor where no cost is known.
pub(super) fn lines(report: &Report, layout: TextLayout, indent: usize) -> Vec<String> {
    let (Some(by_day), Some(_)) = (report.figures.by(Dimension::Day), report.figures.totals.usage()) else {
        return Vec::new();
    };
    let buckets = Buckets::of(&report.facts.period.days());
    let mut bars = vec![Measures::default(); buckets.starts.len()];
    if bars.len() < 2 || bars.len() > layout.width - indent {
        return Vec::new();
    }
    for day in by_day.groups() {
        if let Some(at) = day.key(0).and_then(|key| buckets.place(key)) {
            bars[at] = bars[at].and(day.measures);
        }
    }
    let highest = bars
        .iter()
        .enumerate()
        .max_by_key(|(at, bar)| (bar.usage(), std::cmp::Reverse(*at)));
    let Some((at, Some(usd))) = highest.map(|(at, bar)| (at, bar.usage())) else {
        return Vec::new();
    };
    let drawing: String = bars.iter().map(|bar| block(bar, usd, layout.style)).collect();
    let unit = buckets.unit.word();
    let label = format!("Each {unit}");
    let meaning = format!("highest {unit}: {}, {}", buckets.name(at), usd.dollars());
    vec![
        format!("{label:indent$}{}", drawing.trim_end()),
        layout.wrap("", &meaning, indent),
    ]
}

/// A space without runs, `?` where no cost is known; else by eighths of the highest.
fn block(bar: &Measures, highest: Usd, style: TextStyle) -> char {
    let blocks = if style == TextStyle::Ascii { ASCII } else { BLOCKS };
    match bar.usage() {
        _ if bar.runs() == 0 => ' ',
        None => '?',
        Some(usd) if highest.0 <= 0 || usd.0 <= 0 => blocks[0],
        Some(usd) => {
            // Only how high it is drawn is rounded.
            let eighths = (usd.0 as f64 / highest.0 as f64 * 8.0).ceil();
            blocks[(eighths as usize).clamp(1, 8) - 1]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{report, row};

    const PERIOD: [&str; 2] = ["2025-09-01", "2025-09-11"];

    fn shown(style: TextStyle) -> Vec<String> {
        let rows = [
            row("r1", "a", "2025-09-01", Some("8")),
            row("r2", "a", "2025-09-02", Some("4")),
            row("r3", "a", "2025-09-03", Some("0.5")),
            row("r4", "a", "2025-09-05", None),
            row("r5", "a", "2025-09-06", Some("0")),
            row("r6", "a", "2025-09-07", Some("16")),
            row("r7", "a", "2025-09-08", Some("-3")),
            row("r8", "a", "2025-09-09", Some("16")),
        ];
        lines(&report(&rows, PERIOD), TextLayout { width: 80, style }, 10)
    }

    #[test]
    fn days_are_blocks_of_the_highest_and_gaps_where_nothing_ran() {
        let expected = ["Each day  ▄▂▁ ?▁█▁█", "          highest day: 2025-09-07, $16.00"];
        assert_eq!(shown(TextStyle::Bold), expected);
        assert_eq!(shown(TextStyle::Ascii)[0], "Each day  =:. ?.#.#");
    }

    #[test]
    fn there_is_no_line_of_one_day_or_of_unknown_costs() {
        let layout = TextLayout {
            width: 80,
            style: TextStyle::Bold,
        };
        let one = report(&[row("r", "a", "2025-09-01", Some("1"))], ["2025-09-01", "2025-09-02"]);
        let unknown = report(&[row("r", "a", "2025-09-01", None)], PERIOD);
        for report in [one, unknown] {
            assert_eq!(lines(&report, layout, 10), [""; 0]);
        }
    }

    #[test]
    fn a_year_is_weeks_and_ten_years_are_months_as_far_as_they_fit() {
        let layout = TextLayout {
            width: 80,
            style: TextStyle::Plain,
        };
        let rows = [row("r", "a", "2025-03-05", Some("1"))];
        let of = |from, to| lines(&report(&rows, [from, to]), layout, 10);
        assert!(of("2025-01-01", "2026-01-01")[0].starts_with("Each week "));
        assert!(of("2023-01-01", "2026-01-01")[0].starts_with("Each month"));
        assert_eq!(of("2015-01-01", "2026-01-01"), [""; 0]);
    }
}
