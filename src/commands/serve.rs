//! `serve`: a made-up account, or the runs of an export or a lake, until it is stopped.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::archive;

use crate::archive::ServedFiles;
use crate::cli::{ArchiveAddress, AsOf, ServeArgs};
use crate::context::Context;
use crate::context::terminal::{print, say};
use crate::error::{Error, Result};
use crate::period::PeriodSpec;
use crate::provenance::Source;
use crate::serve::archive::{Archive, Shelf};
use crate::serve::made_up::{AccountOptions, DEMO_TOKEN, MadeUpAccount};
use crate::serve::{ServeOptions, Served, Server};
use crate::text::{counted, harmless};

/// The longest that an answer may be held back.
const MAX_LATENCY: Duration = Duration::from_secs(3600);

/// Lines of the access log that may be on their way; what comes beyond is lost.
const LOG_LINES: usize = 4096;
/// How long the last of them may take.
const LOG_TIME: Duration = Duration::from_secs(1);

/// 9999-12-31T23:59:59Z.
const LAST_INSTANT_MS: i64 = 253_402_300_799_000;

/// Runs the job.
pub async fn run(args: ServeArgs, context: Context) -> Result<()> {
    if args.latency > MAX_LATENCY {
        return Err(Error::Usage("--latency: an hour at most".into()));
    }
    let token = token(&context)?;
    if token.is_none() && !args.host.is_loopback() {
        return Err(Error::Usage(format!(
            "--host {}: without a token in APIFY_TOKEN, runs are served to this machine alone",
            args.host
        )));
    }
    let told = match (&token, args.demo) {
        (Some(_), _) => "the token is the one in APIFY_TOKEN",
        (None, true) => "the token is demo",
        (None, false) => "no token is asked for, since APIFY_TOKEN has none",
    };
    let served = async {
        match &args.path {
            Some(site) => open(site, &args, told).await,
            None => made_up(&args, told).await,
        }
    };
    // Millions of runs take a while, in which a signal has to be heard.
    let served = tokio::select! {
        served = served => served?,
        () = context.stopping.notified() => return Ok(()),
    };
    let refreshing = refreshing(&served, &args);
    let (log, told_all) = args.access_log.then(access_log).unzip();
    let demo_token = || args.demo.then(|| SecretString::from(DEMO_TOKEN));
    let options = ServeOptions {
        clock: context.clock,
        token: token.or_else(demo_token),
        latency: args.latency,
        rate_limit: args.rate_limit,
        faults: args.faults,
        access_log: log,
    };
    let at = SocketAddr::new(args.host, args.port);
    let server = Server::bind(served, options, at, args.max_connections.get()).await?;
    print(&format!("{}\n", server.url()))?;
    tokio::select! {
        () = server.run(context.stopping.notified()) => {}
        () = refreshing => {}
    }
    if let Some(told_all) = told_all {
        let _ = tokio::time::timeout(LOG_TIME, told_all).await;
    }
    Ok(())
}

/// What is to be known to be answered: a text that a header can carry, without the line's end that files have.
fn token(context: &Context) -> Result<Option<SecretString>> {
    let token = context.token.as_ref().map(|token| token.expose_secret().trim());
    let token = token.filter(|token| !token.is_empty());
    if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Error::Usage(
            "APIFY_TOKEN has characters that no header can carry: a token is of letters, digits and signs".into(),
        ));
    }
    Ok(token.map(SecretString::from))
}

/// Tells requests on stderr from a thread of its own: nobody who asks waits for whoever reads that. The second part ends once
/// all was told of a server that has ended.
fn access_log() -> (SyncSender<String>, oneshot::Receiver<()>) {
    let (sender, lines) = sync_channel::<String>(LOG_LINES);
    let (done, told_all) = oneshot::channel();
    std::thread::spawn(move || {
        lines.iter().for_each(|line| {
            let _ = writeln!(io::stderr(), "{}", harmless(&line));
        });
        let _ = done.send(());
    });
    (sender, told_all)
}

/// The made-up account that was asked for.
async fn made_up(args: &ServeArgs, told: &str) -> Result<Served> {
    // The account may lie in any time: nothing of it is cut at a clock.
    let period = PeriodSpec::FromTo {
        from: args.from,
        to: args.to,
    }
    .resolve(chrono_tz::UTC, LAST_INSTANT_MS)?;
    let account = AccountOptions {
        runs: args.runs,
        actors: args.actors,
        seed: args.seed,
        from_ms: period.from,
        to_ms: period.to,
        cost_missing_percent: args.cost_missing,
        retention_days: args.retention_days,
    };
    let account = tokio::task::spawn_blocking(move || MadeUpAccount::generate(&account)).await;
    let account = account.map_err(|error| anyhow::anyhow!("the account could not be made up: {error}"))?;
    say(&format!("MADE-UP ACCOUNT: {} runs; {told}", args.runs));
    Ok(Served::made_up(account, args.settle_after))
}

/// What is held at a place.
async fn open(site: &ArchiveAddress, args: &ServeArgs, told: &str) -> Result<Served> {
    let (at, as_of) = (site.clone(), args.as_of);
    let opened = tokio::task::spawn_blocking(move || {
        archive::read(|opening| {
            let content = opening
                .served_files(&at, as_of, None)?
                .expect("nothing was known of it");
            let (source, stamp) = (content.source, content.stamp.clone());
            Ok((archive(content, None)?, source, stamp))
        })
    });
    let (archive, source, stamp) = opened
        .await
        .map_err(|error| anyhow::anyhow!("{site} could not be read: {error}"))??;
    let notice = if source == Source::Demo {
        "MADE-UP ACCOUNT: "
    } else {
        ""
    };
    say(&format!("{notice}{} of {site}; {told}", runs(&archive)));
    Ok(Served::Archive(Arc::new(Shelf::new(archive, stamp))))
}

fn runs(archive: &Archive) -> String {
    counted(archive.runs() as u64, "run", "runs")
}

fn archive(content: ServedFiles, old: Option<&Archive>) -> Result<Archive> {
    Archive::of(content.account, content.files, old, say)
}

/// Takes over what comes to be at the place, from time to time, and never ends. What can't be read leaves what there was.
fn refreshing(served: &Served, args: &ServeArgs) -> impl Future<Output = ()> + use<> {
    let place = match (served, &args.path) {
        // What a lake was is what it will have been.
        (Served::Archive(shelf), Some(site)) if args.as_of.is_none() && !args.refresh.is_zero() => {
            Some((shelf.clone(), site.clone()))
        }
        _ => None,
    };
    let every = args.refresh;
    async move {
        let Some((shelf, site)) = place else {
            return std::future::pending().await;
        };
        let mut told = String::new();
        loop {
            tokio::time::sleep(every).await;
            let (shelf, at) = (shelf.clone(), site.clone());
            let refreshed = tokio::task::spawn_blocking(move || refresh(&shelf, &at)).await;
            let trouble = match refreshed {
                Ok(Ok(())) => String::new(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            if trouble != told && !trouble.is_empty() {
                say(&format!("what was read before is still served: {trouble}"));
            }
            told = trouble;
        }
    }
}

fn refresh(shelf: &Shelf, site: &ArchiveAddress) -> Result<()> {
    let now: Option<AsOf> = None;
    let old = shelf.current();
    let stamp = shelf.stamp();
    let changed = archive::read(|opening| {
        let content = opening.served_files(site, now, Some(&stamp))?;
        let content = content.map(|content| (content.stamp.clone(), content));
        content
            .map(|(stamp, content)| Ok((archive(content, Some(&old))?, stamp)))
            .transpose()
    })?;
    if let Some((archive, stamp)) = changed {
        shelf.replace(archive, stamp);
        let serving = runs(&shelf.current());
        say(&format!("{site} has changed: serving {serving}"));
    }
    Ok(())
}
