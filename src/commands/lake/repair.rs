//! `lake repair`: what is damaged of a lake, what it held, and what Apify still has of that; with `--apply` the way back.

mod document;

use tokio::runtime::Handle;

use crate::cli::RepairArgs;
use crate::commands::lake::repair::document::RepairDocument;
use crate::context::terminal::{print, warn};
use crate::error::{Error, Result};
use crate::lake::MonthSums;
use crate::lake::repair::{Damage, DamagedFile, RepairResult};
use crate::lake::{LakeState, LakeTable, Location};
use crate::period::{DAY_MS, Millis, format_instant};
use crate::text::{counted, json_document, thousands};

/// IDs that are named.
const MAX_IDS: usize = 3;
/// How often it is done anew because another process has committed meanwhile.
const ATTEMPTS: usize = 3;

/// Reports damage, and with `--apply` takes it out of the table.
pub fn run(args: &RepairArgs, handle: Handle, now_ms: Millis) -> Result<()> {
    let location = Location::open(&args.lake, handle)?;
    let entry = match LakeTable::open_damaged(&location) {
        Err(Error::Untrusted(why)) => Some((location.broken_last_entry()?.ok_or(Error::Untrusted(why.clone()))?, why)),
        _ => None,
    };
    if let Some((path, why)) = entry {
        if !args.apply {
            let shown = location.shown();
            let hint = format!(
                "`apify-runs lake repair {shown} --apply` sets {path} aside: the lake returns to the previous commit"
            );
            if args.json {
                return print(&json_document(&RepairDocument::of_broken_log(shown, why)));
            }
            return print(&format!("{why}\nNothing was changed. {hint}\n"));
        }
        let aside = LakeTable::set_entry_aside(&location, &path)?;
        warn(&format!("{why}; it is kept as {}/{aside}", location.shown()));
    }
    for _ in 0..ATTEMPTS {
        let table = LakeTable::open_damaged(&location)?;
        let damage = table.damage()?;
        let repaired = match args.apply && !damage.is_empty() {
            true => match table.repair(&damage, now_ms)? {
                Some(repaired) => Some(repaired),
                None => continue,
            },
            false => None,
        };
        if args.json {
            return print(&json_document(&RepairDocument::new(&table, &damage, repaired.as_ref())));
        }
        if args.quiet {
            return Ok(());
        }
        return print(&told(&table, &damage, repaired.as_ref(), now_ms));
    }
    Err(Error::Busy(format!(
        "{}: other processes keep committing; nothing was changed: run again",
        location.shown()
    )))
}

fn told(table: &LakeTable, damage: &Damage, repaired: Option<&RepairResult>, now_ms: Millis) -> String {
    let (shown, state) = (table.location().shown(), table.state());
    if damage.is_empty() {
        let files = counted(table.files().len() as u64, "file", "files");
        return format!("{shown}, version {}: {files}, none damaged\n", table.version());
    }
    let mut text = String::new();
    if let Some(why) = &damage.log {
        text += &format!("{why}\n");
    }
    for (month, found, left) in &damage.months {
        text += &format!(
            "  {month}: {} runs in the log, {} runs committed\n",
            thousands(*found),
            thousands(*left)
        );
    }
    if !damage.files.is_empty() {
        let (damaged, all) = (
            damage.files.len() as u64,
            counted(table.files().len() as u64, "file", "files"),
        );
        text += &format!("{shown}: {} of {all} cannot be used\n", thousands(damaged));
    }
    for (at, damaged) in damage.files.iter().enumerate() {
        text += &file(damaged, state, now_ms);
        if let Some(path) = repaired.and_then(|repaired| repaired.aside[at].as_ref()) {
            text += &format!("    kept as {shown}/{path}\n");
        }
    }
    for (month, sums) in by_month(&damage.files) {
        text += &format!("{month}: {}\n", held(&sums));
    }
    let doubled = &damage.duplicates;
    if doubled.runs() > 0 {
        let runs = counted(doubled.runs(), "run is", "runs are");
        let ids: Vec<&str> = doubled.ids().take(MAX_IDS).collect();
        text += &format!(
            "{runs} there more than once, such as {}: only the latest row of each is kept\n",
            ids.join(", ")
        );
    }
    text + &match repaired {
        Some(repaired) => format!(
            "Version {}: the lake no longer has these files, and their periods are no longer proven. The next `apify-runs sync` \
             fetches the runs that Apify still keeps\n",
            repaired.version
        ),
        None => format!(
            "Nothing was changed. `apify-runs lake repair {shown} --apply` sets damaged files aside and marks their periods as not proven\n"
        ),
    }
}

fn file(damaged: &DamagedFile, state: &LakeState, now_ms: Millis) -> String {
    let DamagedFile { file, why, .. } = damaged;
    let (first, last) = (format_instant(file.first_ms), format_instant(file.last_ms));
    format!(
        "  {}: {why}\n    {} of {first} to {last}; {}\n",
        file.path,
        held(&damaged.sums()),
        at_apify(state, (file.first_ms, file.last_ms), now_ms)
    )
}

fn held(sums: &MonthSums) -> String {
    let unknown = match sums.runs_cost_unknown {
        0 => String::new(),
        unknown => format!(" ({} unknown)", counted(unknown, "cost", "costs")),
    };
    format!(
        "{}, ${}{unknown}",
        counted(sums.runs, "run", "runs"),
        sums.usage_total_usd
    )
}

/// What Apify still has of runs that started between two instants, by the retention that the last sync was told.
fn at_apify(state: &LakeState, (first, last): (Millis, Millis), now_ms: Millis) -> String {
    let Some(days) = state.retention_days else {
        return "Apify's retention is unknown".into();
    };
    let days_ms = Millis::try_from(days).unwrap_or(Millis::MAX).saturating_mul(DAY_MS);
    let kept_from = now_ms.saturating_sub(days_ms);
    let since = format_instant(kept_from.max(0));
    match (first >= kept_from, last >= kept_from) {
        (true, _) => format!("Apify keeps runs for {days} days, so it still has all of them"),
        (false, true) => format!("Apify keeps runs for {days} days, so it still has the runs since {since}"),
        (false, false) => format!("Apify keeps runs for {days} days, so it has none of them"),
    }
}

fn by_month(files: &[DamagedFile]) -> Vec<(String, MonthSums)> {
    let mut months = std::collections::BTreeMap::<String, MonthSums>::new();
    for damaged in files {
        months
            .entry(damaged.file.month.clone())
            .or_default()
            .add(&damaged.sums());
    }
    months.into_iter().collect()
}
