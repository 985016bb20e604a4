//! `diff`: what two exports differ in, from their files alone. What differs is `report::changes`'; this reads, and prints.
//! Nothing is printed before all of both has been read once: an export that can't be read gives an error, not half a table.

use std::path::Path;

use super::{Surroundings, print, print_part};
use crate::cli::DiffArgs;
use crate::error::{Error, Result};
use crate::output::csv::writer;
use crate::output::exported::{Exported, moved, pairs};
use crate::output::manifest::Manifest;
use crate::report::changes::{Changes, Comparison, Difference, Side, csv, json, terminal};
use crate::report::terminal::Look;
use crate::runs::pairing::{Moved, Pair};
use crate::text::defused;

/// Rows that are put together before they are printed.
const ROWS_AT_ONCE: usize = 1000;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: DiffArgs, surroundings: Surroundings) -> Result<()> {
    let look = if surroundings.bold { Look::Bold } else { Look::Plain };
    let compared = tokio::task::spawn_blocking(move || diff(&args, look)).await;
    compared.map_err(|error| anyhow::anyhow!("comparing failed: {error}"))?
}

fn diff(args: &DiffArgs, look: Look) -> Result<()> {
    let (old, old_runs) = open(&args.old)?;
    let (new, new_runs) = open(&args.new)?;
    let moved = moved(&old_runs, &new_runs).map_err(Error::Untrusted)?;
    let both = Both {
        old: &old_runs,
        new: &new_runs,
        moved: &moved,
    };
    let mut changes = Changes::default();
    both.each(|pair| changes.see(pair))?;
    let mut alike = changes.prices.candidate();
    if let Some(alike) = &mut alike {
        both.each(|pair| {
            alike.see(pair);
            Ok(())
        })?;
    }
    let comparison = Comparison {
        old,
        new,
        prices: changes.prices.verdict(alike),
        changes,
    };
    if args.json {
        let mut before = json::figures(&comparison);
        let mut separator = "";
        let heard = both.print_rows(|rows| {
            let mut text = std::mem::take(&mut before);
            for difference in rows {
                text += separator;
                text += &json::row(difference);
                separator = json::SEPARATOR;
            }
            Ok(text)
        })?;
        return if heard { print(json::END) } else { Ok(()) };
    }
    if args.csv {
        let mut header = Some(csv::HEADER);
        return both.print_rows(|rows| csv_text(header.take(), rows)).map(|_| ());
    }
    print(&terminal::render(&comparison, look))
}

/// What an export says of itself, and its runs.
fn open(path: &Path) -> Result<(Side, Exported)> {
    let manifest = Manifest::open(path)?;
    let runs = Exported::of(path, &manifest).map_err(Error::Untrusted)?;
    let side = Side {
        path: path.display().to_string(),
        account: manifest.account,
        source: manifest.source,
        notice: manifest.notice,
        period: manifest.period,
        filters: manifest.filters,
        queried_at: manifest.queried_at,
        proven: manifest.proof.proven,
        totals: manifest.totals,
    };
    Ok((side, runs))
}

/// Two exports' runs, to be read as often as it takes.
struct Both<'e> {
    old: &'e Exported,
    new: &'e Exported,
    moved: &'e Moved,
}

impl Both<'_> {
    fn each(&self, mut see: impl FnMut(&Pair) -> Result<()>) -> Result<()> {
        pairs(self.old, self.new, self.moved).try_for_each(|pair| see(&pair.map_err(Error::Untrusted)?))
    }

    /// Prints what differs, some runs at a time; false if nobody listens any more.
    fn print_rows(&self, mut text: impl FnMut(&[Difference]) -> Result<String>) -> Result<bool> {
        let mut pairs = pairs(self.old, self.new, self.moved);
        loop {
            let mut differing = Vec::with_capacity(ROWS_AT_ONCE);
            for pair in pairs.by_ref() {
                let pair = pair.map_err(Error::Untrusted)?;
                if Difference::of(&pair).is_some() {
                    differing.push(pair);
                }
                if differing.len() == ROWS_AT_ONCE {
                    break;
                }
            }
            let rows: Vec<Difference> = differing.iter().filter_map(Difference::of).collect();
            if !print_part(&text(&rows)?)? {
                return Ok(false);
            }
            if rows.len() < ROWS_AT_ONCE {
                return Ok(true);
            }
        }
    }
}

fn csv_text(header: Option<[&str; csv::HEADER.len()]>, rows: &[Difference]) -> Result<String> {
    let write = || -> anyhow::Result<String> {
        let mut csv = writer(Vec::new());
        if let Some(header) = header {
            csv.write_record(header)?;
        }
        for difference in rows {
            let mut record = csv::record(difference);
            record[csv::ACT_NAME] = defused(&record[csv::ACT_NAME]).into_owned();
            csv.write_record(record)?;
        }
        Ok(String::from_utf8(csv.into_inner()?)?)
    };
    Ok(write()?)
}
