//! The report of unit costs: an Actor's row, and beneath it one for each event that its runs charged. An event is a part of its
//! Actor, so that rows don't add up.

use std::cmp::Reverse;

use super::{ACT_ID, ACT_NAME, UNIT_COSTS};
use crate::report::figures::Cube;
use crate::report::table::{Cell, CellKind, Table, TableColumn, column};
use crate::report::unit_costs::{ActorUnits, EventUnits, RunCounts, UnitCosts};

const COLUMNS: [TableColumn; 14] = [
    ACT_ID,
    column("event", "event", CellKind::Name),
    part("runs", "runs", CellKind::Count),
    part("runs_left_out", "left out", CellKind::Count),
    minor("runs_provisional", "provisional", CellKind::Count),
    part("usage_total_usd", "usage, $", CellKind::Usd),
    minor("compute_units", "compute units", CellKind::Quantity),
    first("usd_per_compute_unit", "per compute unit, $"),
    minor("run_hours", "hours", CellKind::Quantity),
    first("usd_per_hour", "per hour, $"),
    part("events", "events", CellKind::Count),
    part("events_usd", "usage of events, $", CellKind::Usd),
    first("usd_per_1000_events", "per 1,000 events, $"),
    ACT_NAME,
];

const NOTE: &str = "Usage divided by compute units, by hours of run time and by charged events. The row of an event is a part of \
    the row of its Actor. Runs whose cost or details are unknown are left out.";

const fn part(name: &'static str, head: &'static str, kind: CellKind) -> TableColumn {
    TableColumn {
        absent: "",
        adds_up: false,
        ..column(name, head, kind)
    }
}

const fn minor(name: &'static str, head: &'static str, kind: CellKind) -> TableColumn {
    TableColumn {
        is_minor: true,
        ..part(name, head, kind)
    }
}

const fn first(name: &'static str, head: &'static str) -> TableColumn {
    TableColumn {
        comes_first: true,
        ..part(name, head, CellKind::Mean)
    }
}

/// A row: of an Actor by its place, or of one of its events by that's place among them.
#[derive(Clone, Copy)]
struct UnitRow {
    actor: usize,
    event: Option<usize>,
}

/// The dearest Actor first; of its events the dearest first, and after those of unknown cost the most frequent.
pub(super) fn unit_costs<'r>(units: &'r UnitCosts, cube: &'r Cube) -> Table<'r> {
    let mut actors: Vec<(usize, &ActorUnits, &str)> = cube
        .actors
        .keys()
        .enumerate()
        .filter_map(|(place, id)| Some((place, units.of_actor(place)?, &**id)))
        .collect();
    actors.sort_by_key(|(_, units, id)| (Reverse(units.usage()), *id));
    let rows: Vec<UnitRow> = actors
        .iter()
        .flat_map(|(actor, units, _)| {
            let events = dearest_events(units).into_iter().map(Some);
            let row = |event| UnitRow { actor: *actor, event };
            std::iter::once(None).chain(events).map(row)
        })
        .collect();
    Table {
        name: UNIT_COSTS.into(),
        title: "Unit costs by Actor and event".into(),
        columns: COLUMNS.to_vec(),
        len: rows.len(),
        row: Box::new(move |at| cells(units, cube, rows[at])),
        total: None,
        note: Some(NOTE.into()),
    }
}

fn dearest_events(units: &ActorUnits) -> Vec<usize> {
    let mut events: Vec<(usize, &EventUnits, &str)> = units
        .by_event
        .iter()
        .enumerate()
        .map(|(at, (name, event))| (at, event, &**name))
        .collect();
    events.sort_by_key(|(_, event, name)| (Reverse(event.usd()), Reverse(event.events), *name));
    events.into_iter().map(|(at, ..)| at).collect()
}

fn cells<'r>(units: &'r UnitCosts, cube: &'r Cube, UnitRow { actor, event }: UnitRow) -> Vec<Cell<'r>> {
    let (id, labels) = cube.actors.get_index(actor).expect("it is a place of an Actor");
    let of_actor = units.of_actor(actor).expect("it is a place of an Actor");
    let event = event.and_then(|event| of_actor.by_event.get_index(event));
    let mut cells = vec![Cell::text(Some(id)), Cell::text(event.map(|(name, _)| &**name))];
    match event {
        None => cells.extend(actor_cells(of_actor)),
        Some((_, event)) => cells.extend(event_cells(event)),
    }
    cells.push(Cell::text(labels[0].as_deref()));
    cells
}

fn actor_cells<'r>(units: &ActorUnits) -> [Cell<'r>; COLUMNS.len() - 3] {
    let [runs, left_out, provisional] = counts(&units.runs);
    [
        runs,
        left_out,
        provisional,
        known(Cell::usd(units.usage())),
        Cell::Quantity(units.compute_units),
        Cell::decimal(units.usd_per_compute_unit()),
        units.run_hours().map_or(Cell::Absent, Cell::Quantity),
        Cell::decimal(units.usd_per_hour()),
        Cell::Count(units.events),
        Cell::usd(units.events_usd()),
        Cell::decimal(units.usd_per_1000_events()),
    ]
}

fn event_cells<'r>(event: &EventUnits) -> [Cell<'r>; COLUMNS.len() - 3] {
    let [runs, left_out, provisional] = counts(&event.runs);
    [
        runs,
        left_out,
        provisional,
        Cell::Absent,
        Cell::Absent,
        Cell::Absent,
        Cell::Absent,
        Cell::Absent,
        Cell::Count(event.events),
        known(Cell::usd(event.usd())),
        Cell::decimal(event.usd_per_1000()),
    ]
}

fn counts<'r>(runs: &RunCounts) -> [Cell<'r>; 3] {
    [runs.counted, runs.left_out, runs.provisional].map(Cell::Count)
}

/// An amount that there is, and that people are told is unknown where it is.
fn known(usd: Cell<'_>) -> Cell<'_> {
    match usd {
        Cell::Absent => Cell::Absent.worded("unknown"),
        usd => usd,
    }
}
