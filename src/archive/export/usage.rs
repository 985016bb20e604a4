//! What an export keeps of Apify's count and of builds, read back from its files.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::api::builds::Build;
use crate::api::usage::Service;
use crate::archive::export_folder::ExportFolder;
use crate::error::ReadError;
use crate::money::Usd;
use crate::period::parse_instant;
use crate::report::account_usage::{AccountUsage, BUILDS, DayOfService, KnownBuild, USAGE_BY_DAY, USAGE_BY_SERVICE};
use crate::report::csv::DecimalMark;
use crate::text::unescape_formula;

/// Reads it; none where the export has none. Its files must have been checked against the manifest.
pub fn read_usage(export: &ExportFolder) -> Result<Option<AccountUsage>, ReadError> {
    let Some(facts) = export.manifest().usage.clone() else {
        return Ok(None);
    };
    let (mut by_day, mut by_service, mut builds) = (Vec::new(), Vec::new(), Vec::new());
    if facts.counted.is_some() {
        let rows: Vec<ServiceRow> = rows(export, USAGE_BY_SERVICE)?;
        by_service = rows.into_iter().map(Service::from).collect();
        let rows: Vec<DayRow> = self::rows(export, USAGE_BY_DAY)?;
        by_day = rows.into_iter().map(DayOfService::from).collect();
    }
    if facts.builds.is_some() {
        let rows: Vec<BuildRow> = rows(export, BUILDS)?;
        let read = rows.into_iter().map(KnownBuild::try_from);
        let read: Result<Vec<KnownBuild>, ReadError> = read.collect();
        builds = read.map_err(|problem| problem.in_file(path(BUILDS)))?;
    }
    Ok(Some(AccountUsage {
        facts,
        by_day,
        by_service,
        builds,
    }))
}

fn path(report: &str) -> String {
    format!("{report}.csv")
}

fn rows<T: DeserializeOwned>(export: &ExportFolder, report: &str) -> Result<Vec<T>, ReadError> {
    let path = path(report);
    let form = export.manifest().report_csv;
    // The reader passes over a byte-order mark.
    let mut reader = ReaderBuilder::new()
        .delimiter(form.separator())
        .from_reader(export.file(&path)?.reader());
    let rows = reader.headers().cloned().and_then(|header| {
        let records = reader.records();
        let rows = records.map(|record| with_points(&record?, &header, form.decimal).deserialize(Some(&header)));
        rows.collect()
    });
    rows.map_err(|error| ReadError::new(error).in_file(path))
}

/// A record whose amounts have decimal points.
fn with_points(record: &StringRecord, header: &StringRecord, mark: DecimalMark) -> StringRecord {
    let is_amount = |name: &str| name == "quantity" || name.ends_with("_usd");
    let cells = header.iter().zip(record).map(|(name, cell)| match mark {
        DecimalMark::Comma if is_amount(name) => Cow::Owned(cell.replace(',', ".")),
        _ => Cow::Borrowed(cell),
    });
    cells.collect::<Vec<_>>().into()
}

#[derive(Deserialize)]
struct ServiceRow {
    service: String,
    quantity: Option<Usd>,
    usage_usd: Option<Usd>,
    usage_after_discount_usd: Option<Usd>,
}

impl From<ServiceRow> for Service {
    fn from(row: ServiceRow) -> Service {
        Service {
            key: row.service,
            quantity: row.quantity,
            base: row.usage_usd,
            after_discount: row.usage_after_discount_usd,
        }
    }
}

#[derive(Deserialize)]
struct DayRow {
    day: String,
    service: String,
    quantity: Option<Usd>,
    usage_usd: Option<Usd>,
    usage_after_discount_usd: Option<Usd>,
}

impl From<DayRow> for DayOfService {
    fn from(row: DayRow) -> DayOfService {
        DayOfService {
            day: row.day,
            service: Service {
                key: row.service,
                quantity: row.quantity,
                base: row.usage_usd,
                after_discount: row.usage_after_discount_usd,
            },
        }
    }
}

#[derive(Deserialize)]
struct BuildRow {
    id: String,
    act_id: Option<String>,
    status: String,
    started_at: String,
    finished_at: Option<String>,
    usage_total_usd: Option<Usd>,
    cost_state: String,
    meta_origin: Option<String>,
    act_name: Option<String>,
}

impl TryFrom<BuildRow> for KnownBuild {
    type Error = ReadError;

    fn try_from(row: BuildRow) -> Result<KnownBuild, ReadError> {
        let instant = |text: &str| {
            let instant = parse_instant(text);
            instant.ok_or_else(|| ReadError::new(format_args!("build {}: {text} is not an instant", row.id)))
        };
        Ok(KnownBuild {
            build: Build {
                started_at_ms: instant(&row.started_at)?,
                finished_at_ms: row.finished_at.as_deref().map(instant).transpose()?,
                id: row.id,
                act_id: row.act_id,
                status: row.status,
                usage: row.usage_total_usd,
                origin: row.meta_origin,
            },
            cost_state: row.cost_state,
            act_name: row.act_name.map(|name| unescape_formula(&name).into()),
        })
    }
}
