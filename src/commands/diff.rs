//! `diff`: what two exports or lakes differ in, from their files alone. What differs is `report::diff`'; this reads, and prints.
//! Nothing is printed before all of both has been read and checked once: what can't be trusted gives an error, not half a
//! table. An export's files stay open in between, so that what is printed is what was checked, whatever takes its place.

use crate::archive;

use crate::archive::{Holding, Opening};
use crate::cli::DiffArgs;
use crate::context::Context;
use crate::context::terminal::{print, print_part};
use crate::error::{Error, Result};
use crate::output::csv::writer;
use crate::period::Period;
use crate::report::diff::{ArchiveDiff, Changes, DiffSide, Difference, csv, json, terminal};
use crate::report::dimension::Dimensions;
use crate::report::summary::Summary;
use crate::report::terminal::TextStyle;
use crate::runs::pairing::{Moved, Pair, Pairs};

/// Rows that are put together before they are printed.
const ROWS_AT_ONCE: usize = 1000;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: DiffArgs, context: Context) -> Result<()> {
    let look = context.style;
    let compared = tokio::task::spawn_blocking(move || diff(&args, look)).await;
    compared.map_err(|error| anyhow::anyhow!("comparing failed: {error}"))?
}

fn diff(args: &DiffArgs, look: TextStyle) -> Result<()> {
    let prepared = archive::read(|opening| prepare(args, opening))?;
    prepared.print(args, look)
}

/// All of both has been read and checked: what is printed now are the same rows once more.
struct Prepared {
    old: (Box<dyn Holding>, Period),
    new: (Box<dyn Holding>, Period),
    moved: Moved,
    comparison: ArchiveDiff,
}

fn prepare(args: &DiffArgs, opening: &Opening) -> Result<Prepared> {
    // Of two lakes, the one to compare to is the one of another moment.
    let (of_old, of_new) = if archive::is_lake(&args.old) {
        (args.as_of, None)
    } else {
        (None, args.as_of)
    };
    let (old, new) = (opening.open(&args.old, of_old)?, opening.open(&args.new, of_new)?);
    let (old_period, new_period) = (period(&*old, &*new)?, period(&*new, &*old)?);
    let (old_side, new_side) = (side(&*old, &old_period)?, side(&*new, &new_period)?);
    let moved = Moved::find(old.keys(&old_period), new.keys(&new_period), || new.keys(&new_period));
    let moved = moved.map_err(Error::Untrusted)?;
    let both = Both {
        old: (&*old, &old_period),
        new: (&*new, &new_period),
        moved: &moved,
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
    Ok(Prepared {
        comparison: ArchiveDiff {
            old: old_side,
            new: new_side,
            prices: changes.prices.verdict(alike),
            changes,
        },
        old: (old, old_period),
        new: (new, new_period),
        moved,
    })
}

impl Prepared {
    fn print(&self, args: &DiffArgs, look: TextStyle) -> Result<()> {
        let comparison = &self.comparison;
        let both = Both {
            old: (&*self.old.0, &self.old.1),
            new: (&*self.new.0, &self.new.1),
            moved: &self.moved,
        };
        if args.json {
            let mut before = json::figures(comparison);
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
        print(&terminal::render(comparison, look))
    }
}

/// Over which period one of the two is compared: an export over its own, a lake beside one over that one's.
fn period(this: &dyn Holding, other: &dyn Holding) -> Result<Period> {
    let (held, beside) = (this.held()?, other.held()?);
    if held.is_of_one_period || !beside.is_of_one_period {
        return Ok(held.period);
    }
    this.part(&beside.period)?.ok_or_else(|| {
        let (shown, whole, period) = (held.shown, held.period.first_line(), beside.period.first_line());
        Error::Untrusted(format!(
            "{shown} doesn't cover the period of {}, {period}: it holds {whole}",
            beside.shown
        ))
    })
}

/// What one of the two says of itself, with figures: those that it says, or those of its rows, which are checked either way.
fn side(holding: &dyn Holding, period: &Period) -> Result<DiffSide> {
    let held = holding.held()?;
    let columns = holding.columns()?.among(&[]);
    let totals = match held.totals {
        Some(totals) => {
            holding.checked(period, &columns, &mut |_| Ok(()))?;
            totals
        }
        None => {
            let summary = Summary::new(period.timezone, Dimensions::default());
            let figures = holding.read(period, &columns, Some(summary), &mut |_| Ok(()))?;
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
        proven: holding.is_proven(period),
        totals,
    })
}

/// The runs of the two, to be read as often as it takes.
struct Both<'e> {
    old: (&'e dyn Holding, &'e Period),
    new: (&'e dyn Holding, &'e Period),
    moved: &'e Moved,
}

impl Both<'_> {
    fn pairs(&self) -> Pairs<'_> {
        let ((old, old_period), (new, new_period)) = (self.old, self.new);
        Pairs::new(old.runs(old_period), new.runs(new_period), self.moved)
    }

    fn each(&self, mut see: impl FnMut(&Pair) -> Result<()>) -> Result<()> {
        self.pairs().try_for_each(|pair| see(&pair.map_err(Error::Untrusted)?))
    }

    /// Prints what differs, some runs at a time; false if nobody listens any more.
    fn print_rows(&self, mut text: impl FnMut(&[Difference]) -> Result<String>) -> Result<bool> {
        let mut pairs = self.pairs();
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
            csv.write_record(csv::record(difference))?;
        }
        Ok(String::from_utf8(csv.into_inner()?)?)
    };
    Ok(write()?)
}
