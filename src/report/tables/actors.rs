//! Reports of some of the Actors: of unsuccessful runs, and of runs whose cost isn't settled.

use super::{ACT_ID, ACT_NAME, UNSETTLED, UNSUCCESSFUL};
use crate::money::{Ratio, share_6_places};
use crate::report::figures::{Breakdown, Group};
use crate::report::measures::{Measures, Outcome};
use crate::report::table::{Cell, CellKind, Table, TableColumn, column};

fn chosen<'r>(
    actors: &'r Breakdown,
    is_one: impl Fn(&Measures) -> bool,
    compare: impl Fn(&Measures, &Measures) -> std::cmp::Ordering,
) -> Vec<Group<'r>> {
    let mut groups: Vec<Group> = actors.groups().filter(|group| is_one(group.measures)).collect();
    groups.sort_by(|a, b| compare(a.measures, b.measures).then_with(|| a.key(0).cmp(&b.key(0))));
    groups
}

/// Dollars on runs that failed, timed out or were aborted, dearest Actor first. Its total is the account's, of which the rows
/// have not all runs.
pub(super) fn unsuccessful<'r>(actors: &'r Breakdown, totals: &Measures) -> Table<'r> {
    let cost = |measures: &Measures| measures.unsuccessful().usage();
    let groups = chosen(
        actors,
        |measures| measures.unsuccessful().runs > 0,
        |a, b| cost(b).cmp(&cost(a)),
    );
    let cells = |measures: &Measures| {
        let bad = measures.unsuccessful();
        let ends = [&measures.failed, &measures.timed_out, &measures.aborted];
        let mut cells = vec![Cell::Count(measures.runs())];
        cells.extend(ends.map(|outcome| Cell::Count(outcome.runs)));
        cells.extend(ends.map(|outcome| Cell::usd(outcome.usage())));
        cells.push(Cell::usd(bad.usage()));
        cells.push(Cell::decimal(part(&bad, measures)));
        cells.push(Cell::Count(bad.cost_unknown));
        cells
    };
    by_actor(
        ReportTitle {
            name: UNSUCCESSFUL,
            title: "Unsuccessful runs by Actor: failed, timed out or aborted",
        },
        &[
            column("runs", "runs", CellKind::Count),
            column("runs_failed", "failed", CellKind::Count),
            column("runs_timed_out", "timed out", CellKind::Count),
            column("runs_aborted", "aborted", CellKind::Count),
            sum_column("usage_failed_usd", "usage of failed, $"),
            sum_column("usage_timed_out_usd", "usage of timed out, $"),
            sum_column("usage_aborted_usd", "usage of aborted, $"),
            column("usage_unsuccessful_usd", "usage of unsuccessful, $", CellKind::Usd),
            column("share_of_actor_usage", "share of its usage", CellKind::Share),
            column("runs_unsuccessful_cost_unknown", "cost unknown", CellKind::Count),
        ],
        groups,
        cells,
        totals,
    )
}

/// Dollars that are absent where there are no such runs too.
const fn sum_column(name: &'static str, head: &'static str) -> TableColumn {
    TableColumn {
        absent: "",
        ..column(name, head, CellKind::Usd)
    }
}

fn part(bad: &Outcome, measures: &Measures) -> Option<Ratio> {
    share_6_places(bad.usage()?, measures.usage()?)
}

/// Runs of unknown and provisional cost, most of the former first; in total, the account's.
pub(super) fn unsettled<'r>(actors: &'r Breakdown, totals: &Measures) -> Table<'r> {
    let doubts = |measures: &Measures| (measures.cost_unknown(), measures.provisional.runs);
    let groups = chosen(
        actors,
        |measures| doubts(measures) != (0, 0),
        |a, b| doubts(b).cmp(&doubts(a)),
    );
    let cells = |measures: &Measures| {
        vec![
            Cell::Count(measures.runs()),
            Cell::Count(measures.cost_unknown()),
            Cell::Count(measures.provisional.runs),
            Cell::usd(measures.provisional.usage()),
        ]
    };
    by_actor(
        ReportTitle {
            name: UNSETTLED,
            title: "Runs of unknown or provisional cost by Actor",
        },
        &[
            column("runs", "runs", CellKind::Count),
            column("runs_cost_unknown", "cost unknown", CellKind::Count),
            column("runs_provisional", "provisional", CellKind::Count),
            sum_column("usage_provisional_usd", "provisional, $"),
        ],
        groups,
        cells,
        totals,
    )
}

struct ReportTitle {
    name: &'static str,
    title: &'static str,
}

/// A report of some of the Actors: their IDs, these columns, the first of which is their runs, their names. The others have no
/// runs that such a report counts, so that all that is counted is in the rows, but not all runs: these have no total.
fn by_actor<'r>(
    report: ReportTitle,
    columns: &[TableColumn],
    groups: Vec<Group<'r>>,
    cells: impl Fn(&Measures) -> Vec<Cell<'r>> + 'r,
    totals: &Measures,
) -> Table<'r> {
    let around = |act_id, cells: Vec<Cell<'r>>, act_name| {
        let cells = std::iter::once(Cell::text(act_id)).chain(cells);
        cells.chain([Cell::text(act_name)]).collect()
    };
    let mut total = cells(totals);
    total[0] = Cell::Absent;
    let columns = [ACT_ID].into_iter().chain(columns.iter().copied());
    Table {
        name: report.name.into(),
        title: report.title.into(),
        columns: columns.chain([ACT_NAME]).collect(),
        len: groups.len(),
        total: Some(around(None, total, None)),
        row: Box::new(move |at| {
            let group = groups[at];
            around(group.key(0), cells(group.measures), group.label(0, 0))
        }),
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Usd;
    use crate::period::Zone;
    use crate::report::dimension::Dimensions;
    use crate::report::figures::Figures;
    use crate::report::summary::Summary;
    use crate::runs::column_set::ColumnSet;
    use crate::runs::row::Row;

    fn figures() -> Figures {
        let mut summary = Summary::new(Zone::UTC, Dimensions::of(&ColumnSet::all(false), None));
        let runs = [
            ("a", "SUCCEEDED", Some(60)),
            ("a", "FAILED", Some(4)),
            ("a", "ABORTED", None),
            ("b", "SUCCEEDED", Some(36)),
        ];
        for (act_id, status, usage) in runs {
            let run = Row {
                id: "r",
                act_id,
                status,
                usage: usage.map(Usd),
                ..Row::default()
            };
            summary.add_row(&run).unwrap();
        }
        summary.finish()
    }

    #[test]
    fn a_total_is_the_account_s_or_none() {
        let figures = figures();
        let tables = figures.tables();
        let column = |name: &str, of: &str| {
            let table = tables.iter().find(|table| table.name == name).unwrap();
            let at = table.columns.iter().position(|column| column.name == of).unwrap();
            let total = table.total.as_ref().unwrap()[at].clone();
            (table.rows().map(|cells| cells[at].clone()).collect::<Vec<_>>(), total)
        };
        let share = |part, all| Cell::decimal(share_6_places(Usd(part), Usd(all)));
        // Of the Actor's 64, and of the account's 100.
        assert_eq!(
            column(UNSUCCESSFUL, "share_of_actor_usage"),
            (vec![share(4, 64)], share(4, 100))
        );
        let usage = column(UNSUCCESSFUL, "usage_unsuccessful_usd");
        assert_eq!(usage, (vec![Cell::Usd(Usd(4))], Cell::Usd(Usd(4))));
        // Rows have the runs of some Actors, which are neither the account's nor those that are counted.
        for name in [UNSUCCESSFUL, UNSETTLED] {
            assert_eq!(column(name, "runs"), (vec![Cell::Count(3)], Cell::Absent), "{name}");
        }
        assert_eq!(column(UNSETTLED, "runs_cost_unknown").1, Cell::Count(1));
    }
}
