//! The API as commands use it: address, token, account, clock, retention.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::api::address::DEFAULT_API_URL;
use crate::api::ask::RequestError;
use crate::api::auxiliary::Partial;
use crate::api::client::{ApiClient, ClientOptions};
use crate::api::page::Page;
use crate::api::token::{ApiToken, TokenSources};
use crate::cli::SourceArgs;
use crate::clock::{Clocks, MachineClock};
use crate::context::Context;
use crate::context::journal::Journal;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::builds::{BuildsRead, read_builds};
use crate::fetch::names::NameBook;
use crate::fetch::usage::read_cycles;
use crate::fetch::{Lister, PageLimit, TimeBudget};
use crate::period::{Millis, Period};
use crate::provenance::{Account, Retention, Source};
use crate::report::account_usage::{AskedUsage, NO_WHOLE_DAY};
use crate::retry::REQUEST_TIME_CAP;
use crate::serve;

/// Requests a second by default, so that an account's other integrations live.
pub const DEFAULT_RATE: f64 = 30.0;
/// Details a second by default: each is of a run of its own, which has a rate limit of its own.
const DEFAULT_DETAIL_RATE: f64 = 1000.0;
/// Bound on names and limits together: no figure depends on them. The check of the list's costs has as much.
pub const SPARE_TIME: Duration = Duration::from_secs(10);
/// Bound on asking what Apify counts, and for builds.
const USAGE_TIME: Duration = Duration::from_secs(30);
/// Bound on asking whose token it is.
const ACCOUNT_TIME: Duration = Duration::from_secs(10);

pub struct Connection {
    pub api: Arc<ApiClient>,
    pub source: Source,
    /// Time for requests that the job can do without.
    pub spare: Arc<TimeBudget>,
    /// This machine's clock; the made-up account's, for the made-up account.
    pub clock: MachineClock,
    journal: Journal,
}

/// The first page of a period; none where the API finds the whole period too heavy to list at once.
pub type FirstPage = Option<Page>;

/// What came of asking for counted usage and builds.
pub type AskingUsage = JoinHandle<AskedUsage>;

/// How long Apify keeps runs: its days, or why that isn't known.
pub type RetentionDays = anyhow::Result<u64>;

impl Connection {
    /// Finds address and token; asks nothing yet.
    pub async fn open(args: &SourceArgs, detail_rate: Option<f64>, context: &Context) -> Result<Connection> {
        Connection::open_within(args, detail_rate, context, REQUEST_TIME_CAP).await
    }

    /// The same with so much time for each request, with all its attempts and waits.
    pub async fn open_within(
        args: &SourceArgs,
        detail_rate: Option<f64>,
        context: &Context,
        request_time: Duration,
    ) -> Result<Connection> {
        let (api_url, token) = if args.demo {
            (
                serve::start_in_process(context.made_up.clone()).await?,
                ApiToken::new(serve::made_up::options::DEMO_TOKEN, "the made-up account"),
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
                account: account.map(|account| account.name.clone()),
            };
            let token = sources.token()?;
            sources.warning().iter().for_each(|warning| warn(warning));
            (api_url, token)
        };
        let clock = match args.demo {
            true => MachineClock::fixed(serve::made_up::options::DEMO_NOW_MS),
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
            request_time,
            quiet: context.quiet,
            side_by_side: context.side_by_side,
            clock,
        })?;
        let api = Arc::new(api);
        context.journal.attach_client(&api);
        Ok(Connection {
            clock,
            journal: context.journal.clone(),
            api,
            source: if args.demo { Source::Demo } else { Source::Api },
            spare: Arc::new(TimeBudget::new(SPARE_TIME)),
        })
    }

    /// Lists the runs that started in `[from, to)`.
    pub fn lister(&self, span: (Millis, Millis), statuses: &[String], allow_incomplete: bool) -> Lister {
        Lister {
            api: self.api.clone(),
            statuses: statuses.to_vec(),
            allow_incomplete,
            period: span,
            limit: PageLimit::default(),
        }
    }

    /// Asks for a list of next to nothing: that it may be asked for at all is what every job needs.
    pub async fn probe_list(&self, now_ms: Millis) -> Result<()> {
        let lister = self.lister((now_ms - 1, now_ms), &[], true);
        lister.page(now_ms - 1, now_ms, 0, false).await.map(drop)
    }

    /// The names of this account's Actors and tasks; without `asks`, none is asked for.
    pub fn name_book(&self, asks: bool) -> Arc<NameBook> {
        Arc::new(NameBook::new(asks.then(|| self.api.clone()), self.spare.clone()))
    }

    pub fn is_demo(&self) -> bool {
        self.source == Source::Demo
    }

    /// Both clocks, once the API has answered. Where they are apart, a fresh answer is asked for too: a cached one must not decide
    /// alone.
    pub async fn clocks(&self) -> Clocks {
        if self.api.clocks().are_apart() {
            // Who can't be asked twice is believed the first time.
            drop(self.api.ask_time(self.clock.now_ms()).await);
        }
        self.api.clocks()
    }

    /// The same; warns where they are apart.
    pub async fn judged_clocks(&self) -> Clocks {
        let clocks = self.clocks().await;
        clocks.warning().iter().for_each(|warning| warn(warning));
        clocks
    }

    /// Asks whose token it is, beside whatever comes next.
    pub fn ask_account(&self) -> AskedAccount {
        let api = self.api.clone();
        let asked = tokio::spawn(async move { within(ACCOUNT_TIME, api.account()).await });
        AskedAccount {
            asked,
            journal: self.journal.clone(),
        }
    }

    /// Reads the account's builds that started in `[from, to)`, beside whatever comes next.
    pub fn ask_builds(&self, period: (Millis, Millis)) -> JoinHandle<Result<BuildsRead>> {
        let api = self.api.clone();
        tokio::spawn(async move { read_builds(&*api, period).await })
    }

    /// Asks what Apify counts of a period, and for its builds, beside whatever comes next: no figure of runs depends on them, so
    /// they have a time of their own.
    pub fn ask_usage(&self, period: &Period) -> AskingUsage {
        let (api, span) = (self.api.clone(), (period.from, period.to));
        let whole_days = period.whole_utc_days();
        tokio::spawn(async move {
            let cycles = async {
                let (from, to) = whole_days.ok_or_else(|| anyhow::anyhow!(NO_WHOLE_DAY))?;
                Ok(within(USAGE_TIME, read_cycles(&api, (from, to.min(span.1)))).await?)
            };
            let (cycles, builds) = tokio::join!(cycles, within(USAGE_TIME, read_builds(&*api, span)));
            AskedUsage {
                cycles,
                builds: builds.map_err(Into::into),
            }
        })
    }

    /// Asks how long runs are kept, beside whatever comes next.
    pub fn ask_retention(&self) -> JoinHandle<RetentionDays> {
        let (api, spare) = (self.api.clone(), self.spare.clone());
        tokio::spawn(async move {
            match spare.run_within(api.retention_days()).await {
                Some(Ok(days)) => Ok(days),
                Some(Err(error)) => Err(error.into()),
                None => Err(anyhow::anyhow!(no_answer_within(SPARE_TIME))),
            }
        })
    }
}

/// The account of a token that was asked for.
pub struct AskedAccount {
    asked: JoinHandle<Result<Partial<Account>>>,
    journal: Journal,
}

impl AskedAccount {
    /// The account, or why it is unknown.
    pub async fn told(self) -> Result<Account, String> {
        let asked = self.asked.await.unwrap_or_else(|error| Err(Error::Other(error.into())));
        let Partial { value, unknown } = asked.map_err(|error| error.to_string())?;
        unknown.iter().for_each(|unknown| {
            warn(&format!(
                "the name of the account is unknown: GET /v2/users/me: {unknown}"
            ))
        });
        self.journal.update(|noted| noted.account_id = Some(value.id.clone()));
        Ok(value)
    }

    /// The account; warns where it is unknown.
    pub async fn known(self) -> Option<Account> {
        let unknown = |why| warn(&format!("the account of the token is unknown: {why}"));
        self.told().await.map_err(unknown).ok()
    }
}

async fn within<T>(time: Duration, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(Error::Unreachable(no_answer_within(time)));
    tokio::time::timeout(time, asked).await.unwrap_or_else(late)
}

fn no_answer_within(time: Duration) -> String {
    format!("no answer within {} s", time.as_secs())
}

/// Asks for the first page of what a lister lists.
pub async fn first_page(lister: &Lister) -> Result<FirstPage> {
    let (from, to) = lister.period;
    match lister.first_page(from - 1, to).await {
        Ok(page) => Ok(Some(page)),
        Err(RequestError::TooHeavy) => Ok(None),
        Err(RequestError::Failed(error)) => Err(error),
    }
}

/// What Apify keeps of a period, or the note that says that this isn't known.
pub async fn retention_of(
    asked: JoinHandle<RetentionDays>,
    period: &Period,
    now_ms: Millis,
) -> anyhow::Result<Retention> {
    let days = asked.await.unwrap_or_else(|error| Err(error.into()));
    let unknown = |why| anyhow::anyhow!("Apify's retention is unknown, so runs may be missing: {why}");
    days.map(|days| Retention::of(days, period, now_ms)).map_err(unknown)
}
