//! What `serve` shows people: the report of a period with its filters, its tables, and one run. The figures are those of
//! `report`, made by the same fold.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::archive::{Archive, ArchiveInfo, ArchiveOpener};
use crate::cli::{ArchiveAddress, AsOf};
use crate::commands::report::fold;
use crate::commands::report::fold::ReportScope;
use crate::commands::serve::demo_export::DemoExport;
use crate::context::terminal::say;
use crate::error::{Error, Result};
use crate::output::report_csv::{ReportCsvForm, write_csv};
use crate::period::{Edge, Period, PeriodSpec, Zone, format_instant, parse_edge, parse_month, parse_timezone};
use crate::provenance::Source;
use crate::report::dimension::By;
use crate::report::html::{self, ServedLinks, last_whole_month};
use crate::report::run_filter::RunFilter;
use crate::report::{Report, json};
use crate::runs::row::columns_of_rows;
use crate::serve::archived::{CurrentArchive, ServedArchive};
use crate::serve::{PageMaker, PageQuestion, PageRefusal, TableFormat, WebPage};
use crate::text::nearest::did_you_mean;

const HTML: &str = "text/html; charset=utf-8";

/// The archive of which pages are made.
pub enum PageSource {
    Archive {
        site: ArchiveAddress,
        as_of: Option<AsOf>,
        current: Arc<CurrentArchive>,
    },
    /// The made-up account, once it is exported.
    Demo(DemoExport),
}

/// What the query of a page asks for.
#[derive(Debug, Clone, Default)]
struct PageQuery {
    month: Option<PeriodSpec>,
    /// Edges within the month, or else within all that there is.
    from: Option<Edge>,
    to: Option<Edge>,
    timezone: Option<Zone>,
    only: RunFilter,
}

impl PageSource {
    pub fn maker(self) -> PageMaker {
        PageMaker(Arc::new(move |question| self.page(question).map_err(refusal)))
    }

    fn page(&self, question: &PageQuestion) -> Result<WebPage, PageError> {
        match question {
            PageQuestion::Report(query) => self.report(query),
            PageQuestion::Table { name, format, query } => self.table(name, *format, query),
            PageQuestion::Run(id) => self.run(id),
        }
    }

    fn report(&self, query: &str) -> Result<WebPage, PageError> {
        let (site, as_of) = self.site()?;
        let asked = PageQuery::parse(query)?;
        let html = crate::archive::read(|opening| {
            let (archive, held) = open(opening, &site, as_of)?;
            let (whole, is_of_one_period) = (held.period.clone(), held.is_of_one_period);
            let mut query = query.to_string();
            let mut asked = asked.clone();
            let grows = !held.is_of_one_period || matches!(self, PageSource::Demo(_));
            if grows && asked.is_of_all() {
                // Of what grows, the latest month that is over.
                if let Some(month) = last_whole_month(&whole) {
                    asked.month = Some(parse_month(&month)?);
                    query = format!("month={month}&{query}").trim_end_matches('&').into();
                }
            }
            let report = folded(archive.as_ref(), held, &asked, &[])?;
            let links = ServedLinks::new(&whole, &report.facts.period, &query, is_of_one_period);
            Ok(html::render_served(&report, links))
        })?;
        Ok(WebPage {
            policy: html::policy(),
            content: html.into_bytes(),
            content_type: HTML,
            file_name: None,
        })
    }

    fn table(&self, name: &str, format: TableFormat, query: &str) -> Result<WebPage, PageError> {
        let (site, as_of) = self.site()?;
        let asked = PageQuery::parse(query)?;
        let by: Vec<By> = By::of_report(name).into_iter().collect();
        let table = crate::archive::read(|opening| {
            let (archive, held) = open(opening, &site, as_of)?;
            let mut report = folded(archive.as_ref(), held, &asked, &by)?;
            let names: Vec<String> = report.tables().iter().map(|table| table.name.to_string()).collect();
            if !names.iter().any(|known| known == name) {
                return Ok(Err(names));
            }
            report.only = vec![name.to_string()];
            let (content, content_type) = match format {
                TableFormat::Csv => (csv(&report)?, "text/csv; charset=utf-8"),
                TableFormat::Json => (json::render(&report).into_bytes(), "application/json; charset=utf-8"),
            };
            Ok(Ok(WebPage {
                content,
                content_type,
                policy: html::policy(),
                file_name: (format == TableFormat::Csv).then(|| format!("{name}.csv")),
            }))
        })?;
        table.map_err(|names| {
            let near = did_you_mean(name, names.iter().map(String::as_str));
            PageError::NotFound(format!(
                "There is no report {name:?}{near}; the reports are {}.\n",
                names.join(", ")
            ))
        })
    }

    fn run(&self, id: &str) -> Result<WebPage, PageError> {
        let archive = self.served()?;
        let Some((batch, row)) = archive.run_of(id)? else {
            return Err(PageError::NotFound(format!("There is no run {id:?} here.\n")));
        };
        let (html, policy) = html::render_run(id, (&batch, row), self.source()?);
        Ok(WebPage {
            content: html.into_bytes(),
            content_type: HTML,
            policy,
            file_name: None,
        })
    }

    fn site(&self) -> Result<(ArchiveAddress, Option<AsOf>)> {
        match self {
            PageSource::Archive { site, as_of, .. } => Ok((site.clone(), *as_of)),
            PageSource::Demo(export) => Ok((export.made()?.site(), None)),
        }
    }

    fn served(&self) -> Result<Arc<ServedArchive>> {
        match self {
            PageSource::Archive { current, .. } => Ok(current.get()),
            PageSource::Demo(export) => Ok(export.made()?.served()),
        }
    }

    fn source(&self) -> Result<Source> {
        let (site, as_of) = self.site()?;
        crate::archive::read(|opening| Ok(opening.open(&site, as_of)?.info()?.source))
    }
}

fn open(
    opening: &ArchiveOpener,
    site: &ArchiveAddress,
    as_of: Option<AsOf>,
) -> Result<(Box<dyn Archive>, ArchiveInfo)> {
    let archive = opening.open(site, as_of)?;
    let held = archive.info()?;
    Ok((archive, held))
}

/// The one table of a report.
fn csv(report: &Report) -> Result<Vec<u8>> {
    let tables = report.tables();
    let text = tables
        .first()
        .map(|table| write_csv(table, ReportCsvForm::default(), Vec::new()))
        .transpose();
    Ok(text.map_err(|error| Error::Other(error.into()))?.unwrap_or_default())
}

fn folded(archive: &dyn Archive, held: ArchiveInfo, asked: &PageQuery, by: &[By]) -> Result<Report> {
    let columns = archive.columns()?;
    let scope = ReportScope {
        period: asked.period(archive, &held)?,
        groups: held.own_groups(),
        has_other_groups: false,
        only: asked.only.clone(),
        has_accounts: false,
        by: by.to_vec(),
    };
    scope.check(&columns)?;
    fold::report(
        archive,
        held,
        &scope,
        (&columns, &columns_of_rows(&columns)),
        &mut |_| Ok(()),
    )
}

impl PageQuery {
    fn is_of_all(&self) -> bool {
        self.month.is_none() && self.from.is_none() && self.to.is_none()
    }

    fn period(&self, archive: &dyn Archive, held: &ArchiveInfo) -> Result<Period> {
        let whole = fold::period(self.month.clone(), self.timezone, archive, held)?;
        if self.from.is_none() && self.to.is_none() {
            return Ok(whole);
        }
        let edge = |given: Option<Edge>, ms| given.map_or_else(|| parse_edge(&format_instant(ms)), Ok);
        let from = edge(self.from, whole.from)?;
        let to = edge(self.to, whole.to)?;
        fold::period(Some(PeriodSpec::FromTo { from, to }), self.timezone, archive, held)
    }

    /// Of keys that come twice, the later one counts: a filter follows what a page is of.
    fn parse(query: &str) -> Result<PageQuery> {
        let mut asked = PageQuery::default();
        let mut filters = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.replace('+', " ");
            let text = percent_decode_str(&value).decode_utf8_lossy();
            match key {
                "month" => asked.month = Some(parse_month(&text)?),
                "from" => asked.from = Some(parse_edge(&text)?),
                "to" => asked.to = Some(parse_edge(&text)?),
                "timezone" => asked.timezone = Some(parse_timezone(&text)?),
                "actor" | "status" | "group" => {
                    filters.push(RunFilter::parse(&format!("{key}={value}")).map_err(Error::usage)?);
                }
                _ => {
                    let known = ["month", "from", "to", "timezone", "actor", "status", "group"];
                    let near = did_you_mean(key, known);
                    return Err(Error::Usage(format!(
                        "unknown parameter {key:?}{near}; expected {}",
                        known.join(", ")
                    )));
                }
            }
        }
        asked.only = RunFilter::all(&filters);
        Ok(asked)
    }
}

/// Why a page could not be made.
enum PageError {
    Job(Error),
    NotFound(String),
}

impl From<Error> for PageError {
    fn from(error: Error) -> PageError {
        PageError::Job(error)
    }
}

/// A wrong question is its asker's to mend; what else fails is also said where the server runs.
fn refusal(error: PageError) -> PageRefusal {
    match error {
        PageError::NotFound(why) => PageRefusal::NotFound(why),
        PageError::Job(Error::Usage(why)) => PageRefusal::BadRequest(why + "\n"),
        PageError::Job(error) => {
            say(&format!("a page could not be made: {error}"));
            PageRefusal::Failed(format!("{error}\n"))
        }
    }
}
