//! A reconciliation as tables, beside those of the usage that is explained.

use super::{Reconciliation, belongs_to_runs};
use crate::api::usage::Service;
use crate::money::Usd;
use crate::report::account_usage::{BUILDS_BY_ACTOR, SERVICE_COLUMNS, USAGE_EXPLAINED, explained_table, service_name};
use crate::report::table::{Cell, CellKind, Table, TableColumn, column};
use crate::report::usage_explained::minus;

/// Tables that a page of it has, in their order.
pub const TABLES: [&str; 5] = [USAGE_EXPLAINED, OF_SERVICES, OF_METERS, OF_DAYS, BUILDS_BY_ACTOR];
pub const OF_SERVICES: &str = "reconciled_services";
pub const OF_METERS: &str = "reconciled_meters";
pub const OF_DAYS: &str = "reconciled_days";

impl Reconciliation {
    /// What explains Apify's count, its services, meters where rows have them, and days.
    pub fn tables(&self, title: String) -> Vec<Table<'_>> {
        let mut tables = vec![explained_table(&self.explained(), title), self.services_table()];
        if self.runs.meters.is_some() {
            tables.push(self.meters_table());
        }
        tables.push(self.days_table());
        tables
    }

    fn services_table(&self) -> Table<'_> {
        let (of_runs, others) = self.services();
        let services: Vec<&Service> = of_runs.into_iter().chain(others).collect();
        Table {
            name: OF_SERVICES.into(),
            title: "Services that Apify counts, those that runs and builds use first".into(),
            columns: vec![
                SERVICE_COLUMNS[0],
                SERVICE_COLUMNS[1],
                TableColumn {
                    words: &[("runs", "runs and builds"), ("other", "other")],
                    ..column("used_by", "used by", CellKind::Key)
                },
                column("usage_usd", "usage, $", CellKind::Usd),
                TableColumn {
                    absent: "",
                    ..column("usage_after_discount_usd", "after discount, $", CellKind::Usd)
                },
            ],
            len: services.len(),
            row: Box::new(move |at| {
                let service = services[at];
                vec![
                    Cell::text(Some(&service.key)),
                    Cell::text(Some(service_name(&service.key))),
                    Cell::text(Some(if belongs_to_runs(&service.key) { "runs" } else { "other" })),
                    Cell::usd(service.base),
                    Cell::usd(service.after_discount),
                ]
            }),
            total: None,
            note: None,
        }
    }

    fn meters_table(&self) -> Table<'_> {
        let meters = self.meters();
        Table {
            name: OF_METERS.into(),
            title: "Meters of runs".into(),
            columns: vec![
                SERVICE_COLUMNS[0],
                SERVICE_COLUMNS[1],
                column("usage_usd", "Apify counts, $", CellKind::Usd),
                column("runs_usd", "runs show, $", CellKind::Usd),
                column("difference_usd", "difference, $", CellKind::Usd),
            ],
            len: meters.len(),
            row: Box::new(move |at| {
                let (key, counted, of_runs) = &meters[at];
                vec![
                    Cell::owned(Some(key.clone())),
                    Cell::owned(Some(service_name(key).into())),
                    Cell::usd(*counted),
                    Cell::Usd(*of_runs),
                    Cell::usd(counted.map(|counted| minus(counted, *of_runs))),
                ]
            }),
            total: None,
            note: None,
        }
    }

    fn days_table(&self) -> Table<'_> {
        let days = self.days();
        let difference =
            |counted: Option<Usd>, of_runs: Option<Usd>| Some(minus(counted?, of_runs.unwrap_or_default()));
        Table {
            name: OF_DAYS.into(),
            title: "Days (UTC), approximately".into(),
            columns: vec![
                column("day", "day", CellKind::Date),
                column("usage_usd", "Apify counts, $", CellKind::Usd),
                column("runs_usd", "runs that started, $", CellKind::Usd),
                column("difference_usd", "difference, $", CellKind::Usd),
            ],
            len: days.len(),
            row: Box::new(move |at| {
                let (day, counted, of_runs) = &days[at];
                vec![
                    Cell::owned(Some(day.clone())),
                    Cell::usd(*counted),
                    Cell::usd(*of_runs),
                    Cell::usd(difference(*counted, *of_runs)),
                ]
            }),
            total: None,
            note: Some("Apify counts usage on the day of use; the cost of a run is on its start day.".into()),
        }
    }
}
