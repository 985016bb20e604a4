//! What `export` and `sync` would use on this machine, by the command line and the configuration: output, lake, time zone,
//! accounts. Nothing is written.

use std::path::PathBuf;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::archive::existing::ExistingExport;
use crate::cli::CheckArgs;
use crate::commands::check::CheckName;
use crate::commands::check::Finding::{self, Failed, Fine, Worth};
use crate::commands::destination::path_template::{self, TemplateValues};
use crate::commands::destination::store::StoreDestination;
use crate::commands::sync;
use crate::config::{Layers, UsedSetting};
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::disk::ONE_PARENT;
use crate::error::{Error, Result};
use crate::output::publish::{Destination, OutputState};
use crate::paths::names_store;
use crate::period::{Millis, PeriodSpec, Zone, parse_timezone};
use crate::text::{escape_control, redacted};

/// What would be used, and where each comes from.
pub(super) struct Places {
    /// Where last month's export would go.
    out: Result<PathBuf>,
    /// How many of its parents may be missing.
    levels: usize,
    /// As in ' (apify-runs.toml:3)'; empty for the command line.
    out_origin: String,
    lake: Option<(Result<String>, String)>,
    zone: Option<Finding>,
    accounts: Vec<Finding>,
}

impl Places {
    pub(super) fn new(args: &CheckArgs, context: &Context, layers: &Layers, now_ms: Millis) -> Places {
        let account = context.account_name();
        let used = |command: &str, option: &str| layers.used(command, option, account);
        // An output that was typed is what is asked about; else that of `export`.
        let own = used("check", "out").map(|used| used.text);
        let is_typed = args.out.is_some() && args.out.as_ref().map(|out| out.to_string_lossy().into_owned()) != own;
        let configured = used("export", "out").filter(|_| !is_typed);
        let zone = used("export", "timezone");
        let timezone = zone.as_ref().map(|zone| parse_timezone(&zone.text));
        let out = match &configured {
            Some(used) => Some(PathBuf::from(&used.text)),
            None => args.out.clone(),
        };
        let in_zone = match &timezone {
            Some(Ok(timezone)) => *timezone,
            _ => Zone::UTC,
        };
        let month = PeriodSpec::LastMonth.resolve(in_zone, now_ms);
        let levels = out.as_deref().map_or(ONE_PARENT, path_template::missing_levels);
        let folder = month.and_then(|month| path_template::folder(out.as_deref(), &month, account, args.source.demo));
        let lake = used("sync", "lake").map(|used| {
            let demo = args.source.demo.then_some("demo");
            let filled = TemplateValues::of_account(account.or(demo)).fill("--lake", &used.text);
            (filled, origin(&used))
        });
        Places {
            out: folder,
            levels,
            out_origin: configured.as_ref().map_or(String::new(), origin),
            lake,
            zone: zone.zip(timezone).map(|(used, timezone)| match timezone {
                Ok(timezone) => Fine(CheckName::Zone, format!("zone: {timezone}{}", origin(&used))),
                Err(error) => Failed(CheckName::Zone, Error::Usage(format!("{error}{}", origin(&used)))),
            }),
            accounts: if args.source.demo {
                Vec::new()
            } else {
                accounts(context, layers)
            },
        }
    }

    /// Looks at them, until a moment.
    pub(super) async fn look(self, until: Instant) -> Vec<Finding> {
        let (output, lake) = tokio::join!(
            within(CheckName::Output, until, output(self.out, self.levels, self.out_origin)),
            async {
                match self.lake {
                    Some((lake, origin)) => Some(within(CheckName::Lake, until, look_at_lake(lake, origin)).await),
                    None => None,
                }
            }
        );
        let mut findings = vec![output];
        findings.extend(lake);
        findings.extend(self.zone);
        findings.extend(self.accounts);
        findings
    }
}

fn origin(used: &UsedSetting) -> String {
    format!(" ({}: {})", used.option, used.origin)
}

async fn within(check: CheckName, until: Instant, look: impl Future<Output = Finding>) -> Finding {
    let late = |_| Failed(check, Error::Unreachable("it did not answer within 8 s".into()));
    timeout_at(until, look).await.unwrap_or_else(late)
}

/// Whether an export could be put where it is to go; whether this user may write into a store shows when it is tried.
async fn output(out: Result<PathBuf>, levels: usize, origin: String) -> Finding {
    let out = match out {
        Ok(out) => out,
        Err(error) => return Failed(CheckName::Output, error),
    };
    let (place, handle) = (out.clone(), Handle::current());
    let in_store = names_store(&out);
    let found = run_blocking(move |_| {
        if in_store {
            return StoreDestination::open(&place, handle).map(|found| found.existing().is_some());
        }
        let is_occupied = Destination::check(&place, levels)? == OutputState::Occupied;
        if is_occupied {
            ExistingExport::read(&place)?;
        }
        Ok(is_occupied)
    });
    let what = match found.await {
        Ok(true) => "holds an export that can be replaced",
        Ok(false) if in_store => "can be reached",
        Ok(false) => "can be written",
        Err(error) => return Failed(CheckName::Output, error),
    };
    let shown = redacted(&out.to_string_lossy());
    Fine(
        CheckName::Output,
        format!("output: {} {what}{origin}", escape_control(&shown)),
    )
}

async fn look_at_lake(lake: Result<String>, origin: String) -> Finding {
    let looked = match lake {
        Ok(lake) => {
            let handle = Handle::current();
            run_blocking(move |_| sync::look(&lake, handle)).await
        }
        Err(error) => Err(error),
    };
    match looked {
        Ok(words) => Fine(CheckName::Lake, format!("lake: {}{origin}", escape_control(&words))),
        Err(error) => Failed(CheckName::Lake, error),
    }
}

/// The accounts of the configuration, and whether each has a token; that of this check alone where it is of one.
fn accounts(context: &Context, layers: &Layers) -> Vec<Finding> {
    let of_this = |name: &str| context.account_name().is_none_or(|account| account == name);
    let sources = layers.account_tokens(context.home.as_ref());
    let named = sources.into_iter().filter(|(name, _)| of_this(name));
    named
        .map(|(name, sources)| match sources.token() {
            Ok(token) => Fine(
                CheckName::Accounts,
                format!("accounts: {name} has the token of {}", token.source()),
            ),
            // That of this check is the token's own failure.
            Err(error) => Worth(
                CheckName::Accounts,
                format!("accounts: {name}: {}", escape_control(&error.to_string())),
            ),
        })
        .collect()
}
