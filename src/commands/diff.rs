//! `diff`: what two exports or lakes differ in, from their files alone. What counts as a difference is `report::changes`'; this
//! reads and prints. Nothing is printed before all of both has been read and checked once: what can't be trusted gives an error,
//! not half a table. An export's files stay open in between, so that what is printed is what was checked, whatever takes its
//! place.

use crate::archive::{self, Archive, ArchiveOpener};
use crate::cli::DiffArgs;
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::context::terminal::{print, print_part};
use crate::error::{Error, Result};
use crate::output::csv::writer;
use crate::period::Period;
use crate::report::diff::{ArchiveDiff, Changes, DiffSide, Difference, csv, json, terminal};
use crate::report::dimension::Dimensions;
use crate::report::summary::Summary;
use crate::report::terminal::TextStyle;
use crate::runs::pairing::{MovedIds, Pair, Pairs};

/// Rows that are put together before they are printed.
const ROWS_AT_ONCE: usize = 1000;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: DiffArgs, context: Context) -> Result<()> {
    let look = context.look.style;
    run_blocking(move |_| diff(&args, look)).await
}

fn diff(args: &DiffArgs, look: TextStyle) -> Result<()> {
    let (both, comparison) = archive::read(|opener| compare(args, opener))?;
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

/// Reads and checks all of both: what is printed later are the same rows once more.
fn compare(args: &DiffArgs, opener: &ArchiveOpener) -> Result<(Both, ArchiveDiff)> {
    // Of two lakes, the one to compare to is the one of another moment.
    let (of_old, of_new) = if archive::is_lake(&args.old) {
        (args.as_of, None)
    } else {
        (None, args.as_of)
    };
    let (old, new) = (opener.open(&args.old, of_old)?, opener.open(&args.new, of_new)?);
    let (old_period, new_period) = (period(&*old, &*new)?, period(&*new, &*old)?);
    let (old_side, new_side) = (side(&*old, &old_period)?, side(&*new, &new_period)?);
    let moved = MovedIds::find(old.keys(&old_period), new.keys(&new_period), || new.keys(&new_period));
    let both = Both {
        moved: moved.map_err(Error::untrusted)?,
        old: (old, old_period),
        new: (new, new_period),
    };
    let mut changes = Changes::default();
    both.each(|pair| changes.add(pair))?;
    let mut alike = changes.prices.candidate();
    if let Some(alike) = &mut alike {
        both.each(|pair| {
            alike.add(pair);
            Ok(())
        })?;
    }
    let comparison = ArchiveDiff {
        old: old_side,
        new: new_side,
        prices: changes.prices.verdict(alike),
        changes,
    };
    Ok((both, comparison))
}

/// Over which period one of the two is compared: an export over its own, a lake beside one over that one's.
fn period(this: &dyn Archive, other: &dyn Archive) -> Result<Period> {
    let (held, beside) = (this.info()?, other.info()?);
    if held.is_of_one_period || !beside.is_of_one_period {
        return Ok(held.period);
    }
    this.slice_period(&beside.period)?.ok_or_else(|| {
        let (shown, whole, period) = (held.shown, held.period.first_line(), beside.period.first_line());
        Error::Usage(format!(
            "{shown} does not cover the period of {}, {period}: it holds {whole}; compare it with an export of a period that it \
             holds",
            beside.shown
        ))
    })
}

/// What one of the two says of itself, with its figures: those that it states, or else those of its rows. Rows are checked
/// either way.
fn side(archive: &dyn Archive, period: &Period) -> Result<DiffSide> {
    let held = archive.info()?;
    let columns = archive.columns()?.intersect(&[]);
    let totals = match held.totals {
        Some(totals) => {
            archive.read_rows(period, &columns, &mut |_| Ok(()))?;
            totals
        }
        None => {
            let summary = Summary::new(period.timezone, Dimensions::default());
            let figures = archive.read(period, &columns, Some(summary), &mut |_| Ok(()))?;
            (&figures.totals).into()
        }
    };
    Ok(DiffSide {
        path: held.shown,
        account: held.account,
        source: held.source,
        notice: held.notice,
        period: period.clone(),
        filters: held.filters,
        queried_at_ms: held.queried_at_ms,
        proven: archive.is_proven(period),
        totals,
    })
}

/// The two archives, each with the period that is compared. Their runs can be read as often as it takes.
struct Both {
    old: (Box<dyn Archive>, Period),
    new: (Box<dyn Archive>, Period),
    moved: MovedIds,
}

impl Both {
    fn pairs(&self) -> Pairs<'_> {
        let ((old, old_period), (new, new_period)) = (&self.old, &self.new);
        Pairs::new(old.runs(old_period), new.runs(new_period), &self.moved)
    }

    fn each(&self, mut see: impl FnMut(&Pair) -> Result<()>) -> Result<()> {
        self.pairs().try_for_each(|pair| see(&pair.map_err(Error::untrusted)?))
    }

    /// Prints what differs, some runs at a time; false once stdout is closed.
    fn print_rows(&self, mut text: impl FnMut(&[Difference]) -> Result<String>) -> Result<bool> {
        let mut pairs = self.pairs();
        loop {
            let mut differing = Vec::with_capacity(ROWS_AT_ONCE);
            for pair in pairs.by_ref() {
                let pair = pair.map_err(Error::untrusted)?;
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
            csv.write_record(csv::record(difference))?;
        }
        Ok(String::from_utf8(csv.into_inner()?)?)
    };
    Ok(write()?)
}
