//! `summary.txt`: the summary as the body of a mail. At most 45 lines of 78 columns, without escape sequences, in ASCII but for
//! names. Where there is more to say, the list of Actors gets shorter first, then notes are left out.

use super::Report;
use super::terminal::summary::{SummaryLimits, lines};
use super::terminal::{TextLayout, TextStyle};
use crate::report::dimension::Dimension;
use crate::text::counted;

/// What fits mails that are quoted, <https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1>.
const LAYOUT: TextLayout = TextLayout {
    width: 78,
    style: TextStyle::Ascii,
};
const MOST_LINES: usize = 45;

const LIMITS: SummaryLimits = SummaryLimits {
    groups: 4,
    changes: 3,
    ..SummaryLimits::TERMINAL
};

/// What is left out where there are too many lines.
enum SummaryCut {
    /// Actors, but for so many.
    Actors(usize),
    PartsOfRest,
    /// Caveats, but for so many.
    Caveats(usize),
}

const CUTS: [SummaryCut; 4] = [
    SummaryCut::Actors(3),
    SummaryCut::PartsOfRest,
    SummaryCut::Caveats(1),
    SummaryCut::Actors(0),
];

pub fn render(report: &Report) -> String {
    let mut limits = LIMITS;
    let mut text = lines(report, limits, LAYOUT);
    for cut in CUTS {
        let excess = text.len().saturating_sub(MOST_LINES);
        if excess == 0 {
            break;
        }
        cut.apply(&mut limits, report, excess);
        text = lines(report, limits, LAYOUT);
    }
    if text.len() > MOST_LINES {
        let shown = MOST_LINES - 1;
        let others = counted((text.len() - shown) as u64, "other line", "other lines");
        text.truncate(shown);
        text.push(format!("{others} left out: see the other formats of the report"));
    }
    text.iter().map(|line| LAYOUT.fit(line) + "\n").collect()
}

impl SummaryCut {
    fn apply(self, limits: &mut SummaryLimits, report: &Report, excess: usize) {
        match self {
            SummaryCut::Actors(fewest) => {
                // The last Actor alone takes the line in which others are counted.
                let actors = report.figures.by(Dimension::Actor).map_or(0, |actors| actors.len());
                let shown = limits.actors.min(actors.saturating_sub(1));
                limits.actors = shown.saturating_sub(excess).max(fewest);
            }
            SummaryCut::PartsOfRest => limits.has_parts_of_rest = false,
            SummaryCut::Caveats(most) => limits.caveats = most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::usage::{MonthlyUsage, Service};
    use crate::fetch::builds::BuildsRead;
    use crate::money::Usd;
    use crate::period::{Millis, parse_instant};
    use crate::report::account_usage::{AccountUsage, AskedUsage};
    use crate::report::budget::{Budget, BudgetStatus};
    use crate::report::caveat::Caveat;
    use crate::report::comparison::{ComparedPeriod, PeriodComparison};
    use crate::report::sample::{report_with_groups, row};
    use crate::runs::cost_state::SettleRule;
    use crate::runs::row::Row;
    use crate::text::width;

    const SEPTEMBER: [&str; 2] = ["2025-09-01", "2025-10-01"];
    const GROUPS: &str = "actor,group\n*1,Eins–Zwei…\n*2,二番目のグループの長い名前\n*3,C\n*4,D\n*5,E\n*6,F\n*7,G\n";

    fn at(text: &str) -> Millis {
        parse_instant(&format!("{text}T00:00:00.000Z")).unwrap()
    }

    /// What Apify counts of September: as a cycle of three services.
    fn usage(report: &Report) -> AccountUsage {
        let service = |key: &str| Service {
            key: key.into(),
            quantity: None,
            base: Some(Usd(10i128.pow(22))),
            after_discount: Some(Usd(10i128.pow(21))),
        };
        let services = [
            "ACTOR_COMPUTE_UNITS",
            "PAID_ACTORS_PER_EVENT",
            "DATASET_TIMED_STORAGE_GBYTE_HOURS",
        ];
        let cycle = MonthlyUsage {
            from_ms: at("2025-09-01"),
            to_ms: at("2025-10-01"),
            services: Some(services.map(service).to_vec()),
            days: None,
            before_discount: None,
            after_discount: None,
            unknown: Vec::new(),
        };
        let asked = AskedUsage {
            cycles: Ok(vec![cycle]),
            builds: Ok(BuildsRead::default()),
        };
        let settle = SettleRule {
            job_start_ms: at("2025-10-03"),
            settle_ms: 0,
        };
        AccountUsage::new(asked, &report.facts.period, at("2025-10-03"), &settle)
    }

    /// So many Actors with wide names, budgets and notes, in groups and beside the month before.
    fn account(actors: usize, budgets: usize, notes: usize, name: &str) -> Report {
        let names: Vec<String> = (0..actors).map(|at| format!("{name}{at}")).collect();
        let costs: Vec<String> = (0..actors).map(|at| format!("{}.5", at * 7_919)).collect();
        let run = |at: usize| Row {
            act_name: Some(&names[at]),
            ..row(
                &names[at],
                &names[at],
                "2025-09-02",
                (!at.is_multiple_of(5)).then_some(&*costs[at]),
            )
        };
        let rows: Vec<Row> = (0..actors).map(run).collect();
        let mut report = report_with_groups(&rows, SEPTEMBER, GROUPS);
        let before = report_with_groups(
            &[row("r0", "gone", "2025-08-02", Some("4"))],
            ["2025-08-01", "2025-09-01"],
            GROUPS,
        );
        report.against = Some(PeriodComparison {
            before: Ok(ComparedPeriod {
                period: before.facts.period,
                from: format!("./{name}"),
                lacks_runs: false,
                figures: before.figures,
            }),
        });
        let limits = (0..budgets).map(|at| Budget::parse(&format!("actor:{name}{at}={at}.25")).unwrap());
        report.budgets = limits
            .map(|limit| BudgetStatus::of(&limit, &report.figures, &report.facts.period, false))
            .collect();
        let texts: Vec<String> = (0..notes)
            .map(|at| format!("note {at} of {name}, which goes on"))
            .collect();
        report.facts.caveats.extend(Caveat::of_manifest(&texts, &[]));
        report.usage = Some(usage(&report));
        report
    }

    #[test]
    fn it_fits_a_mail_whatever_the_account_has() {
        let wide = "日本語のアクター/とても長い名前のアクター・".repeat(3);
        let long = "x".repeat(300);
        for name in ["ann/crawler", "a–b…", &wide, &long] {
            for actors in [0, 1, 11, 12, 340] {
                for budgets in [0, 2, 60] {
                    for notes in [0, 40] {
                        let text = render(&account(actors, budgets, notes, name));
                        let lines: Vec<&str> = text.lines().collect();
                        let case = format!("{actors} Actors, {budgets} budgets, {notes} notes:\n{text}");
                        assert!(lines.len() <= 45, "{} lines, {case}", lines.len());
                        for line in &lines {
                            assert!(width(line) <= 78 && line.trim_end() == *line, "{line:?}, {case}");
                        }
                        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{case}");
                        assert!(!text.contains(['·', '│', '─', '×', '\u{1b}']), "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn actors_are_left_out_first_then_notes() {
        let shown = |text: &str| text.lines().filter(|line| line.starts_with("ann/crawler")).count();
        let text = render(&account(340, 0, 0, "ann/crawler"));
        // Three of these lines are the largest changes.
        let actors = shown(&text) - 3;
        assert!((3..10).contains(&actors), "{text}");
        assert_eq!(text.lines().count(), 45, "{text}");
        assert!(text.contains(&format!("\n{} other Actors ", 340 - actors)), "{text}");
        for part in [
            "\nGroup ",
            "\nunassigned ",
            "\n4 other groups ",
            "\n    may include: ",
            "\nLargest changes ",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        let text = render(&account(340, 0, 8, "ann/crawler"));
        assert_eq!(shown(&text) - 3, 3, "{text}");
        assert!(
            !text.contains("may include") && text.contains("8 other caveats in report.json"),
            "{text}"
        );
        assert!(
            text.contains("337 other Actors") && text.contains("the cost of 68 runs is unknown"),
            "{text}"
        );
    }

    #[test]
    fn caveats_by_which_runs_are_missing_are_never_left_out() {
        let mut report = account(340, 0, 8, "ann/crawler");
        report
            .facts
            .caveats
            .extend([Caveat::ListChanged, Caveat::PeriodNotOver]);
        let gap = Caveat::ListChanged.to_string();
        let text = render(&report).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains(&gap) && text.contains("1 other caveat in report.json"),
            "{text}"
        );
    }

    #[test]
    fn what_is_drawn_is_ascii_and_names_are_as_they_are() {
        let text = render(&account(3, 1, 0, "ann/crawler"));
        assert!(
            text.starts_with("Period    1-30 September 2025 (UTC), by start date\n"),
            "{text}"
        );
        assert!(
            text.contains("\n3 succeeded\n") && text.contains("\nEins–Zwei… "),
            "{text}"
        );
        let text = render(&account(2, 0, 0, &"ü".repeat(60)));
        assert!(text.contains(&format!("\n{}... ", "ü".repeat(25))), "{text}");
    }
}
