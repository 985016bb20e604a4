//! Whom a job asks, and what it learns of them before it reads: shared by every command that asks the API.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinHandle;

use crate::api::address::DEFAULT_API_URL;
use crate::api::client::{ApiClient, ClientOptions};
use crate::api::token::TokenSources;
use crate::cli::SourceArgs;
use crate::clock::{Clocks, MachineClock};
use crate::context::Context;
use crate::context::journal::Record;
use crate::context::terminal::warn;
use crate::error::Result;
use crate::fetch::TimeBudget;
use crate::period::{Millis, Period};
use crate::provenance::{Account, Retention, Source};
use crate::serve;

/// Requests a second by default, so that an account's other integrations live.
pub const DEFAULT_RATE: f64 = 30.0;
/// Details a second by default: each is of a run of its own, which has a rate limit of its own.
const DEFAULT_DETAIL_RATE: f64 = 1000.0;
/// What names and limits may take in all: nothing but words depends on them.
const SPARE_TIME: Duration = Duration::from_secs(10);
/// What the question whose token it is may take.
const ACCOUNT_TIME: Duration = Duration::from_secs(10);

/// An API that can be asked.
pub struct Connection {
    pub api: Arc<ApiClient>,
    pub source: Source,
    /// Time for what a job can do without.
    pub spare: Arc<TimeBudget>,
    /// This machine's clock; the made-up account's, for the made-up account.
    pub clock: MachineClock,
    record: Record,
}

/// How long Apify keeps runs: its days, or why that isn't known.
pub type RetentionDays = std::result::Result<u64, String>;

impl Connection {
    /// Finds address and token; asks nothing yet.
    pub async fn open(args: &SourceArgs, detail_rate: Option<f64>, context: &Context) -> Result<Connection> {
        let (api_url, token) = if args.demo {
            (
                serve::start_in_process().await?,
                SecretString::from(serve::made_up::DEMO_TOKEN),
            )
        } else {
            let given = context.api_url.clone().filter(|url| !url.trim().is_empty());
            let api_url = args.api_url.clone().or(given).unwrap_or_else(|| DEFAULT_API_URL.into());
            let account = context.account.as_ref();
            let sources = TokenSources {
                file: args.token_file.clone().or_else(|| account?.token_file.clone()),
                named_variable: account.and_then(|account| account.token_env.clone()),
                variable: context.token.clone(),
                home: context.home.clone(),
            };
            let token = sources.token()?;
            sources.warning().iter().for_each(|warning| warn(warning));
            (api_url, token)
        };
        let clock = match args.demo {
            true => MachineClock::fixed(serve::made_up::DEMO_NOW_MS),
            false => context.clock,
        };
        let unless_demo = |rate: f64| if args.demo { 0.0 } else { rate };
        let api = ApiClient::new(ClientOptions {
            api_url,
            token,
            concurrency: args.concurrency.into(),
            rate: args.rate.unwrap_or(unless_demo(DEFAULT_RATE)),
            detail_rate: detail_rate.unwrap_or(unless_demo(DEFAULT_DETAIL_RATE)),
            retries: args.retries,
            timeout: args.timeout,
            side_by_side: context.side_by_side,
            clock,
        })?;
        let api = Arc::new(api);
        context.record.asks(&api);
        Ok(Connection {
            clock,
            record: context.record.clone(),
            api,
            source: if args.demo { Source::Demo } else { Source::Api },
            spare: Arc::new(TimeBudget::new(SPARE_TIME)),
        })
    }

    pub fn is_demo(&self) -> bool {
        self.source == Source::Demo
    }

    /// Both clocks, once the API has told its own. Where they are apart, a fresh answer is asked for too: one that a cache gave
    /// must not decide alone.
    pub async fn clocks(&self) -> Clocks {
        if self.api.clocks().are_apart() {
            // Who can't be asked twice is believed the first time.
            drop(self.api.ask_time(self.clock.now_ms()).await);
        }
        self.api.clocks()
    }

    /// The same, with a warning where they are apart.
    pub async fn judged_clocks(&self) -> Clocks {
        let clocks = self.clocks().await;
        clocks.warning().iter().for_each(|warning| warn(warning));
        clocks
    }

    /// Whose runs these are, where that is told within some seconds.
    pub async fn account(&self) -> Option<Account> {
        let account = tokio::time::timeout(ACCOUNT_TIME, self.api.account())
            .await
            .ok()?
            .ok()?;
        self.record.note(|noted| noted.account_id = Some(account.id.clone()));
        Some(account)
    }

    /// Asks how long runs are kept, beside whatever comes next.
    pub fn ask_retention(&self) -> JoinHandle<RetentionDays> {
        let (api, spare) = (self.api.clone(), self.spare.clone());
        tokio::spawn(async move {
            match spare.run_within(api.retention_days()).await {
                Some(Ok(days)) => Ok(days),
                Some(Err(error)) => Err(error.to_string()),
                None => Err(format!("no answer within {} s", SPARE_TIME.as_secs())),
            }
        })
    }
}

/// What Apify keeps of a period, or the note that says that this isn't known.
pub async fn retention_of(
    asked: JoinHandle<RetentionDays>,
    period: &Period,
    now_ms: Millis,
) -> std::result::Result<Retention, String> {
    let days = asked.await.unwrap_or_else(|error| Err(error.to_string()));
    let unknown = |why: String| format!("how many days Apify keeps runs is not known, so some may be gone: {why}");
    days.map(|days| Retention::of(days, period, now_ms)).map_err(unknown)
}
