//! `serve`: a made-up account, or the runs of an export or a lake, until it is stopped.

mod demo_export;
mod pages;
mod usage;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use crate::commands::serve::demo_export::DemoExport;
use crate::commands::serve::pages::PageSource;
use crate::commands::serve::usage::served_usage;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::archive;
use crate::cli::{ArchiveAddress, AsOf, ServeArgs};
use crate::context::Context;
use crate::context::terminal::{print, say};
use crate::error::{Error, Result};
use crate::period::{PeriodSpec, Zone};
use crate::provenance::Source;
use crate::serve::archived::{CurrentArchive, ServedArchive};
use crate::serve::made_up::MadeUpAccount;
use crate::serve::made_up::options::{AccountOptions, DEMO_TOKEN};
use crate::serve::{Backend, MAX_CONNECTIONS, ServeOptions, Server};
use crate::text::{counted, escape_control};

const MAX_LATENCY: Duration = Duration::from_secs(3600);

/// Lines of the access log that wait to be written; further ones are lost.
const LOG_LINES: usize = 4096;
/// How long writing the last of them may take.
const LOG_TIME: Duration = Duration::from_secs(1);

/// 9999-12-31T23:59:59Z. Not `LAST_INSTANT`, 999 ms later: some made-up runs start a millisecond after the period, and still
/// need a date of four digits.
const LAST_INSTANT_MS: i64 = 253_402_300_799_000;

pub async fn run(args: ServeArgs, context: Context) -> Result<()> {
    if args.latency > MAX_LATENCY {
        return Err(Error::usage("--latency: expected at most 1h"));
    }
    let token = token(&context)?;
    if token.is_none() && !args.host.is_loopback() {
        return Err(Error::Usage(format!(
            "--host {}: needs a token in APIFY_TOKEN; without one, only this machine is served",
            args.host
        )));
    }
    let access = match (&token, args.demo) {
        (Some(_), _) => "clients use the token in APIFY_TOKEN",
        (None, true) => "clients use the token demo",
        (None, false) => "clients need no token, because APIFY_TOKEN is not set",
    };
    let backend = async {
        match &args.path {
            Some(site) => archive_at(site, &args, access).await,
            None => made_up(&args, access).await,
        }
    };
    // Millions of runs take a while, in which a signal has to be heard.
    let backend = tokio::select! {
        backend = backend => backend?,
        () = context.stopping.notified() => return Ok(()),
    };
    let refreshing = refreshing(&backend, &args);
    let (log, log_end) = args.access_log.then(access_log).unzip();
    let demo_token = || args.demo.then(|| SecretString::from(DEMO_TOKEN));
    let pages = match (&backend, &args.path) {
        (Backend::MadeUp(account), _) => Some(PageSource::Demo(DemoExport::new(account.clone(), &context))),
        (Backend::Archive(current), Some(site)) => Some(PageSource::Archive {
            site: site.clone(),
            as_of: args.as_of,
            current: current.clone(),
        }),
        (Backend::Archive(_), None) => None,
    };
    let options = ServeOptions {
        pages: pages.map(PageSource::maker),
        host: Some(args.host),
        clock: context.clock,
        token: token.or_else(demo_token),
        latency: args.latency,
        rate_limit: args.rate_limit,
        faults: args.faults,
        access_log: log,
    };
    let at = SocketAddr::new(args.host, args.port);
    let server = Server::bind(backend, options, at, MAX_CONNECTIONS).await?;
    print(&format!("{}\n", server.url))?;
    if args.open
        && let Err(error) = open::that_detached(&server.url)
    {
        say(&format!(
            "no browser could be opened ({error}): open {} yourself",
            server.url
        ));
    }
    tokio::select! {
        () = server.run(context.stopping.notified()) => {}
        () = refreshing => {}
    }
    if let Some(log_end) = log_end {
        let _ = tokio::time::timeout(LOG_TIME, log_end).await;
    }
    Ok(())
}

/// The token that clients need, without the line's end that files have.
fn token(context: &Context) -> Result<Option<SecretString>> {
    let token = context.token.as_ref().map(|token| token.expose_secret().trim());
    let token = token.filter(|token| !token.is_empty());
    if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Error::usage(
            "APIFY_TOKEN has characters that are not allowed in a header; a token has letters, digits and signs",
        ));
    }
    Ok(token.map(SecretString::from))
}

/// Writes lines to stderr from a thread of its own, so that no request waits for whoever reads that. The receiver is told when
/// all lines of a server that has ended are written.
fn access_log() -> (SyncSender<String>, oneshot::Receiver<()>) {
    let (sender, lines) = sync_channel::<String>(LOG_LINES);
    let (done, log_end) = oneshot::channel();
    std::thread::spawn(move || {
        lines.iter().for_each(|line| {
            let _ = writeln!(io::stderr(), "{}", escape_control(&line));
        });
        let _ = done.send(());
    });
    (sender, log_end)
}

async fn made_up(args: &ServeArgs, access: &str) -> Result<Backend> {
    // The account may lie in any time: nothing of it is cut at a clock.
    let (from, to) = (args.from, args.to);
    let period = PeriodSpec::FromTo { from, to }.resolve(Zone::UTC, LAST_INSTANT_MS)?;
    let default = AccountOptions::default();
    let is_demo = args.runs.is_none() && (period.from, period.to) == (default.from_ms, default.to_ms);
    let account = AccountOptions {
        runs: args.runs.unwrap_or(default.runs),
        runs_before: if is_demo { AccountOptions::demo().runs_before } else { 0 },
        actors: args.actors,
        seed: args.seed,
        from_ms: period.from,
        to_ms: period.to,
        cost_missing_percent: args.cost_missing,
        retention_days: args.retention_days,
    };
    let runs = account.runs + account.runs_before;
    let account = tokio::task::spawn_blocking(move || MadeUpAccount::generate(&account)).await;
    let account = account.map_err(|error| anyhow::anyhow!("the account could not be made up: {error}"))?;
    say(&format!("MADE-UP ACCOUNT: {}; {access}", counted(runs, "run", "runs")));
    Ok(Backend::MadeUp(Arc::new(account)))
}

async fn archive_at(site: &ArchiveAddress, args: &ServeArgs, access: &str) -> Result<Backend> {
    let (at, as_of) = (site.clone(), args.as_of);
    let loaded = tokio::task::spawn_blocking(move || load(&at, as_of, None)).await;
    let loaded = loaded.map_err(|error| anyhow::anyhow!("{site} could not be read: {error}"))??;
    let (archive, revision, source) = loaded.expect("nothing was known of it");
    let notice = if source == Source::Demo {
        "MADE-UP ACCOUNT: "
    } else {
        ""
    };
    say(&format!("{notice}{} of {site}; {access}", runs(&archive)));
    Ok(Backend::Archive(Arc::new(CurrentArchive::new(archive, revision))))
}

/// What is at a place, and its revision; `None` if it still has the revision of the `old` one.
fn load(
    site: &ArchiveAddress,
    as_of: Option<AsOf>,
    old: Option<(&ServedArchive, &str)>,
) -> Result<Option<(ServedArchive, String, Source)>> {
    let (old, revision) = old.unzip();
    archive::read(|opening| {
        let Some(content) = opening.served_files(site, as_of, revision)? else {
            return Ok(None);
        };
        let usage = content.usage.as_ref().map(served_usage).unwrap_or_default();
        let archive = ServedArchive::new(content.account, content.files, old, say)?.with_usage(usage);
        Ok(Some((archive, content.stamp, content.source)))
    })
}

fn runs(archive: &ServedArchive) -> String {
    counted(archive.runs() as u64, "run", "runs")
}

/// Takes over what comes to be at the place, from time to time, and never ends. What can't be read leaves what there was.
fn refreshing(backend: &Backend, args: &ServeArgs) -> impl Future<Output = ()> + use<> {
    let place = match (backend, &args.path) {
        // What a lake was is what it will have been.
        (Backend::Archive(current), Some(site)) if args.as_of.is_none() && !args.refresh.is_zero() => {
            Some((current.clone(), site.clone()))
        }
        _ => None,
    };
    let every = args.refresh;
    async move {
        let Some((current, site)) = place else {
            return std::future::pending().await;
        };
        let mut last_error = String::new();
        loop {
            tokio::time::sleep(every).await;
            let (current, at) = (current.clone(), site.clone());
            let refreshed = tokio::task::spawn_blocking(move || refresh(&current, &at)).await;
            let refreshed = refreshed.unwrap_or_else(|error| Err(Error::Other(error.into())));
            let error = refreshed.err().map_or(String::new(), |error| error.to_string());
            // Once for each error, not once a minute.
            if error != last_error && !error.is_empty() {
                say(&format!(
                    "cannot read the new data, so the previous data is still served: {error}"
                ));
            }
            last_error = error;
        }
    }
}

fn refresh(current: &CurrentArchive, site: &ArchiveAddress) -> Result<()> {
    let (old, revision) = (current.get(), current.revision());
    if let Some((archive, revision, _)) = load(site, None, Some((&old, &revision)))? {
        let serving = runs(&archive);
        current.replace(archive, revision);
        say(&format!("{site} has changed: now serving {serving}"));
    }
    Ok(())
}
