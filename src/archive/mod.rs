//! What is held at a place, as jobs look at it that needn't know whether it is an export or a lake. Each of the two knows how
//! its rows are read and how far they can be trusted; what is made of them is the jobs'.

pub mod address;
pub mod existing;
pub mod export;
pub mod export_folder;
pub mod findings;
#[cfg(feature = "lake")]
mod lake;
mod part;
pub mod runs;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::archive::export::Exporting;
use crate::output::names::MANIFEST;
use arrow_array::RecordBatch;

use crate::archive::export_folder::ExportFolder;
use crate::cli::{AsOf, Site};
#[cfg(not(feature = "lake"))]
use crate::commands::no_lake as lake;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::output::publish::Destination;
use crate::period::{Millis, Period};
use crate::provenance::{Account, FileEntry, Filters, GroupRule, Replaced, Source, Totals};
use crate::report::facts::Facts;
use crate::report::figures::Figures;
use crate::report::summary::Summary;
use crate::runs::column_set::Chosen;
use crate::runs::pairing::Reading;
use crate::runs::random_access::RunsFile;
use crate::runs::run::{Key, Run};

#[cfg(feature = "lake")]
pub use crate::archive::lake::Lake;

/// The folder that makes another one a Delta table.
pub const DELTA_LOG: &str = "_delta_log";

/// How often work is done of which an export was replaced meanwhile.
const ATTEMPTS: u32 = 3;
/// How long the second attempt waits for an export that is about to take its place; the next one waits longer.
const PAUSE: Duration = Duration::from_millis(50);

/// What it says of itself.
#[derive(Debug, Clone)]
pub struct Held {
    /// Where it is, as it was given.
    pub shown: String,
    pub account: Option<Account>,
    pub source: Source,
    pub notice: Option<String>,
    /// All that it is of.
    pub period: Period,
    /// Whether that was chosen once and for all. If not, it goes on growing, and only parts of it are compared to anything.
    pub is_of_one_period: bool,
    pub is_billing_cycle: bool,
    pub filters: Filters,
    /// When the API was last asked.
    pub queried_at_ms: Millis,
    /// The rules that its runs were grouped by.
    pub groups: Option<Vec<GroupRule>>,
    /// The figures of all its runs, where it says them: they must come out.
    pub totals: Option<Totals>,
    /// What it took the place of.
    pub replaced: Option<Replaced>,
    /// Its files, where people open them.
    pub files: Vec<FileEntry>,
}

impl Held {
    /// Whether it is of a source, and of an account as far as both are known.
    pub fn is_from(&self, source: Source, account: Option<&Account>) -> bool {
        let known = self.account.as_ref().zip(account);
        self.source == source && known.is_none_or(|(old, new)| old.id == new.id)
    }
}

/// What is done with each batch of rows.
pub type See<'s> = dyn FnMut(&RecordBatch) -> Result<()> + 's;

/// How deep a check goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Depth {
    /// To the bytes of every file.
    #[default]
    Full,
    /// To rows and figures: hashes aren't looked at.
    Quick,
}

/// What came of checking all of it.
pub struct Verified {
    /// What doesn't hold.
    pub findings: Vec<String>,
    /// What is told where all does.
    pub told: String,
    /// What made the promises.
    pub promised_by: &'static str,
}

/// An export or a lake. Batches are in order of start and ID. What `verify` refuses about rows or manifest is refused by
/// [`Holding::read`] and [`Holding::checked`], of which one comes before all that gives rows once more.
pub trait Holding {
    /// What it says of itself; exit 5 where that makes no sense.
    fn held(&self) -> Result<Held>;

    /// The columns of its rows.
    fn columns(&self) -> Result<Chosen>;

    /// A period as far as there are rows of it; `None` where it doesn't cover that.
    fn part(&self, asked: &Period) -> Result<Option<Period>>;

    /// Whether every run is there that the API counted for a period.
    fn is_proven(&self, period: &Period) -> bool;

    /// What is to be said of figures of a period of it.
    fn facts(&self, period: Period, figures: &Figures) -> Result<Facts>;

    /// Reads the runs of a period, with these columns at least, and checks them on the way: nothing that is made of them may
    /// be shown before this has returned. They are added to a summary; without one, to that of its own reports.
    fn read(&self, period: &Period, columns: &Chosen, summary: Option<Summary>, see: &mut See) -> Result<Figures>;

    /// Reads the runs of a period as [`Holding::read`] does, for whoever makes no figures of them: of an export, presentations
    /// such as its page aren't looked at.
    fn checked(&self, period: &Period, columns: &Chosen, see: &mut See) -> Result<()>;

    /// The runs of a period that was checked once more, with these columns at least.
    fn again(&self, period: &Period, columns: &Chosen, see: &mut See) -> Result<()>;

    /// The runs of a period as they are compared; of one that is of one period, all.
    fn runs(&self, period: &Period) -> Reading<'_, Run>;

    /// Where those stand.
    fn keys(&self, period: &Period) -> Reading<'_, Key>;

    /// Checks everything, as deep as was asked for.
    fn verify(&self, depth: Depth) -> Result<Verified>;
}

/// What is there to be served, file by file.
pub struct Content {
    pub account: Option<Account>,
    pub source: Source,
    /// What tells it from what may come to be there later.
    pub stamp: String,
    /// Those that overlap in time together, in order of time.
    pub files: Vec<Vec<Box<dyn RunsFile>>>,
}

/// Opens what is held at places, and remembers the exports among it until the work that reads them has ended.
#[derive(Default)]
pub struct Opening {
    exports: RefCell<Vec<Arc<ExportFolder>>>,
    /// Whether there was no export at a place only because one was being replaced.
    in_between: Cell<bool>,
}

/// Does work that reads exports and lakes, and that shows nothing of what it has read before it has ended. It is done anew
/// where an export was replaced meanwhile so that it can't have read one whole, three times in all: exit 4 then.
pub fn read<T>(mut work: impl FnMut(&Opening) -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    loop {
        let opening = Opening::default();
        let done = work(&opening);
        let is_last = attempt == ATTEMPTS;
        if let Some(place) = opening.was_replaced(done.is_err()) {
            if is_last {
                return Err(Error::Unreachable(format!(
                    "{place} was replaced again and again while it was read, {ATTEMPTS} times: it is safe to run again"
                )));
            }
        } else if opening.in_between.get() && !is_last {
            std::thread::sleep(PAUSE * attempt);
        } else {
            return done;
        }
        attempt += 1;
    }
}

impl Opening {
    /// What is held at a place, which is looked at from a thread that may wait: exit 2 where there is nothing of the kind.
    pub fn open(&self, site: &Site, as_of: Option<AsOf>) -> Result<Box<dyn Holding>> {
        match kind(site, as_of)? {
            Kind::Export(path) => Ok(Box::new(Exporting::of(self.export(path)?))),
            Kind::Lake => lake::open(site, as_of),
        }
    }

    /// The same, to be served; `None` if it is still what had this stamp.
    pub fn content(&self, site: &Site, as_of: Option<AsOf>, known: Option<&str>) -> Result<Option<Content>> {
        match kind(site, as_of)? {
            Kind::Export(path) => Exporting::of(self.export(path)?).content(known),
            Kind::Lake => lake::content(site, as_of, known),
        }
    }

    fn export(&self, path: &Path) -> Result<Arc<ExportFolder>> {
        let opened = ExportFolder::open(path).inspect_err(|_| {
            if Destination::is_in_between(path) {
                self.in_between.set(true);
            }
        });
        let export = Arc::new(opened?);
        self.exports.borrow_mut().push(export.clone());
        Ok(export)
    }

    /// A place at which an export was replaced so that what was made of it, or failed, may be for that alone.
    fn was_replaced(&self, failed: bool) -> Option<String> {
        let exports = self.exports.borrow();
        let is_torn = |export: &&Arc<ExportFolder>| export.was_written_into() || (failed && export.has_given_way());
        let torn = exports.iter().find(is_torn);
        torn.map(|export| export.path().display().to_string())
    }
}

/// Whether a lake is meant: by a URL, or by a folder that has a table's log.
pub fn is_lake(site: &Site) -> bool {
    site.path().is_none_or(|path| path.join(DELTA_LOG).is_dir())
}

enum Kind<'s> {
    Export(&'s Path),
    Lake,
}

fn kind(site: &Site, as_of: Option<AsOf>) -> Result<Kind<'_>> {
    match site {
        Site::Path(path) if !is_lake(site) => {
            if as_of.is_some() && Manifest::is_there(path) {
                return Err(Error::Usage(format!(
                    "{site} is an export, which is of one moment: --as-of is about lakes"
                )));
            }
            Ok(Kind::Export(path))
        }
        Site::Path(path) if path.join(MANIFEST).exists() => Err(Error::Usage(format!(
            "{site} holds both {MANIFEST} and {DELTA_LOG}: whether the export or the lake is meant can't be told; move one of \
             them away"
        ))),
        _ => Ok(Kind::Lake),
    }
}
