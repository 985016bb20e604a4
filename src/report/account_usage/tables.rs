//! Counted usage and builds as tables: in files as they are, for people with what services are called.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{AccountUsage, KnownBuild};
use crate::api::usage::Service;
use crate::money::Usd;
use crate::report::table::{Cell, CellKind, Table, TableColumn, column};
use crate::report::tables::{ACT_ID, ACT_NAME};
use crate::report::usage_explained::{ITEMS, UsageExplained};
use crate::runs::cost_state::PROVISIONAL;

pub const USAGE_EXPLAINED: &str = "usage_explained";
pub const USAGE_BY_SERVICE: &str = "usage_by_service";
pub const USAGE_BY_DAY: &str = "usage_by_day";
pub const BUILDS_BY_ACTOR: &str = "builds_by_actor";
pub const BUILDS: &str = "builds";

/// A service, and what it is called.
pub const SERVICE_COLUMNS: [TableColumn; 2] = [
    column("service", "key", CellKind::Key),
    column("service_name", "service", CellKind::Name),
];
/// What Apify counts of a service.
const OF_SERVICE: [TableColumn; 3] = [
    column("quantity", "quantity", CellKind::Quantity),
    column("usage_usd", "usage, $", CellKind::Usd),
    TableColumn {
        absent: "",
        ..column("usage_after_discount_usd", "after discount, $", CellKind::Usd)
    },
];

/// What services are called; one that isn't here keeps its key.
const NAMES: [(&str, &str); 17] = [
    ("ACTOR_COMPUTE_UNITS", "Compute units"),
    ("DATASET_READS", "Dataset reads"),
    ("DATASET_WRITES", "Dataset writes"),
    ("KEY_VALUE_STORE_READS", "Key-value store reads"),
    ("KEY_VALUE_STORE_WRITES", "Key-value store writes"),
    ("KEY_VALUE_STORE_LISTS", "Key-value store lists"),
    ("REQUEST_QUEUE_READS", "Request queue reads"),
    ("REQUEST_QUEUE_WRITES", "Request queue writes"),
    ("DATA_TRANSFER_INTERNAL_GBYTES", "Internal data transfer, GB"),
    ("DATA_TRANSFER_EXTERNAL_GBYTES", "External data transfer, GB"),
    ("PROXY_RESIDENTIAL_TRANSFER_GBYTES", "Residential proxy transfer, GB"),
    ("PROXY_SERPS", "Google SERP proxy requests"),
    ("PAID_ACTORS_PER_EVENT", "Paid Actors, by event"),
    ("PAID_ACTORS_PER_DATASET_ITEM", "Paid Actors, by result"),
    ("DATASET_TIMED_STORAGE_GBYTE_HOURS", "Dataset storage, GB hours"),
    (
        "KEY_VALUE_STORE_TIMED_STORAGE_GBYTE_HOURS",
        "Key-value store storage, GB hours",
    ),
    (
        "REQUEST_QUEUE_TIMED_STORAGE_GBYTE_HOURS",
        "Request queue storage, GB hours",
    ),
];

/// What a service is called.
pub fn service_name(key: &str) -> &str {
    NAMES
        .iter()
        .find(|(known, _)| *known == key)
        .map_or(key, |(_, name)| name)
}

impl AccountUsage {
    /// The tables of what is known: counted usage by service and by day, builds by Actor and one by one.
    pub fn tables(&self) -> Vec<Table<'_>> {
        let mut tables = Vec::new();
        if self.facts.counted.is_some() {
            tables.extend([by_service(&self.by_service), self.by_day_table()]);
        }
        if self.facts.builds.is_some() {
            tables.extend([by_actor(&self.builds), builds(&self.builds)]);
        }
        tables
    }

    fn by_day_table(&self) -> Table<'_> {
        let day = column("day", "day", CellKind::Date);
        let columns = std::iter::once(day).chain(SERVICE_COLUMNS).chain(OF_SERVICE);
        Table {
            name: USAGE_BY_DAY.into(),
            title: "Usage that Apify counts by day (UTC)".into(),
            columns: columns.collect(),
            len: self.by_day.len(),
            row: Box::new(|at| {
                let of_day = &self.by_day[at];
                let day = Cell::text(Some(&of_day.day));
                std::iter::once(day).chain(service_cells(&of_day.service)).collect()
            }),
            total: None,
            note: None,
        }
    }
}

fn service_cells(service: &Service) -> [Cell<'_>; 5] {
    [
        Cell::text(Some(&service.key)),
        Cell::text(Some(service_name(&service.key))),
        service.quantity.map_or(Cell::Absent, Cell::Quantity),
        Cell::usd(service.base),
        Cell::usd(service.after_discount),
    ]
}

fn by_service(services: &[Service]) -> Table<'_> {
    let sum = |amount: fn(&Service) -> Option<Usd>| {
        let mut amounts = services.iter().map(amount);
        amounts.try_fold(Usd::default(), |sum, usd| Some(sum.saturating_add(usd?)))
    };
    let known = services.iter().filter_map(|service| service.base);
    let base = (!services.is_empty()).then(|| known.fold(Usd::default(), Usd::saturating_add));
    Table {
        name: USAGE_BY_SERVICE.into(),
        title: "Usage that Apify counts by service".into(),
        columns: SERVICE_COLUMNS.into_iter().chain(OF_SERVICE).collect(),
        len: services.len(),
        row: Box::new(|at| service_cells(&services[at]).to_vec()),
        total: Some(vec![
            Cell::Absent,
            Cell::Absent,
            Cell::Absent,
            Cell::usd(base),
            Cell::usd(sum(|service| service.after_discount)),
        ]),
        note: None,
    }
}

/// What an Actor's builds come to.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildSums<'b> {
    pub builds: u64,
    succeeded: u64,
    /// None where the cost of none is known.
    pub usage: Option<Usd>,
    unknown: u64,
    provisional: u64,
    name: Option<&'b str>,
}

impl<'b> BuildSums<'b> {
    fn add(&mut self, known: &'b KnownBuild) {
        let build = &known.build;
        self.builds += 1;
        self.succeeded += u64::from(build.status == "SUCCEEDED");
        self.unknown += u64::from(build.usage.is_none());
        self.provisional += u64::from(known.cost_state == PROVISIONAL);
        if let Some(usd) = build.usage {
            self.usage = Some(self.usage.unwrap_or_default().saturating_add(usd));
        }
        self.name = self.name.or(known.act_name.as_deref());
    }

    fn cells(&self, act_id: Option<&'b str>) -> Vec<Cell<'b>> {
        vec![
            Cell::text(act_id),
            Cell::Count(self.builds),
            Cell::Count(self.succeeded),
            Cell::Count(self.builds - self.succeeded),
            Cell::usd(self.usage),
            Cell::Count(self.unknown),
            Cell::Count(self.provisional),
            Cell::text(self.name),
        ]
    }
}

/// Builds by the Actor's ID; none for builds of which the list doesn't say it.
pub fn sums_by_actor(builds: &[KnownBuild]) -> BTreeMap<Option<&str>, BuildSums<'_>> {
    let mut actors: BTreeMap<Option<&str>, BuildSums> = BTreeMap::new();
    for known in builds {
        actors.entry(known.build.act_id.as_deref()).or_default().add(known);
    }
    actors
}

/// The dearest first, then by key.
fn by_actor(builds: &[KnownBuild]) -> Table<'_> {
    let mut actors: Vec<(Option<&str>, BuildSums)> = sums_by_actor(builds).into_iter().collect();
    actors.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.usage));
    let mut all = BuildSums::default();
    builds.iter().for_each(|known| all.add(known));
    let total = BuildSums { name: None, ..all }.cells(None);
    Table {
        name: BUILDS_BY_ACTOR.into(),
        title: "Builds by Actor".into(),
        columns: vec![
            TableColumn {
                absent: "unknown",
                ..ACT_ID
            },
            column("builds", "builds", CellKind::Count),
            column("builds_succeeded", "succeeded", CellKind::Count),
            column("builds_other", "other", CellKind::Count),
            column("usage_total_usd", "usage, $", CellKind::Usd),
            column("builds_cost_unknown", "cost unknown", CellKind::Count),
            column("builds_provisional", "provisional", CellKind::Count),
            ACT_NAME,
        ],
        len: actors.len(),
        row: Box::new(move |at| actors[at].1.cells(actors[at].0)),
        total: Some(total),
        note: None,
    }
}

/// One by one, by start and ID.
fn builds(builds: &[KnownBuild]) -> Table<'_> {
    let row = |at: usize| {
        let KnownBuild {
            build,
            cost_state,
            act_name,
        } = &builds[at];
        vec![
            Cell::text(Some(&build.id)),
            Cell::text(build.act_id.as_deref()),
            Cell::text(Some(&build.status)),
            Cell::Instant(build.started_at_ms),
            build.finished_at_ms.map_or(Cell::Absent, Cell::Instant),
            Cell::usd(build.usage),
            Cell::text(Some(cost_state)),
            Cell::text(build.origin.as_deref()),
            Cell::text(act_name.as_deref()),
        ]
    };
    Table {
        name: BUILDS.into(),
        title: "Builds".into(),
        columns: vec![
            column("id", "build", CellKind::Key),
            ACT_ID,
            column("status", "status", CellKind::Key),
            column("started_at", "started", CellKind::Instant),
            column("finished_at", "finished", CellKind::Instant),
            column("usage_total_usd", "usage, $", CellKind::Usd),
            column("cost_state", "cost state", CellKind::Key),
            column("meta_origin", "origin", CellKind::Key),
            ACT_NAME,
        ],
        len: builds.len(),
        row: Box::new(row),
        total: None,
        note: None,
    }
}

/// What Apify counts, line by line, and what explains it. `title` says of which days, as of when.
pub fn explained_table<'r>(explained: &UsageExplained, title: String) -> Table<'r> {
    let lines = explained.lines();
    let among = explained.among_the_rest();
    Table {
        name: USAGE_EXPLAINED.into(),
        title,
        columns: vec![
            TableColumn {
                words: &ITEMS,
                ..column("item", "what", CellKind::Key)
            },
            column("usage_usd", "usage, $", CellKind::Usd),
            column("note", "note", CellKind::Key),
        ],
        len: lines.len(),
        row: Box::new(move |at| {
            let line = &lines[at];
            let note = (!line.note.is_empty()).then(|| line.note.clone());
            vec![
                Cell::Text(Cow::Borrowed(line.item)),
                Cell::usd(line.usd),
                Cell::owned(note),
            ]
        }),
        total: None,
        note: (!among.is_empty())
            .then(|| format!("The amount that is not attributed may include: {}.", among.join("; "))),
    }
}
