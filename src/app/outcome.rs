//! `--outcome`: how a job ended, as one short JSON document, written in place: it also serves where the file is a mount of its
//! own, as a Kubernetes termination message is, which holds 4,096 bytes.

mod document;
pub mod file;

use std::time::Duration;

use crate::api::counts::RequestCounts;
use crate::app::exit::{AccountResult, JobResult};
use crate::context::journal::JournalEntry;
use crate::period::{Millis, Period, format_instant};
use crate::provenance::{Proof, Totals};
use crate::report::caveat::{self, Caveat};
use document::{AccountDocument, FileDocument, OutcomeDocument, OutcomeProof, OutcomeTotals};
use indexmap::IndexMap;

const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Clone)]
pub struct JobInfo {
    pub job: String,
    /// The command; empty if the command line names none.
    pub command: String,
    /// When it began, by this machine's clock.
    pub started_ms: Millis,
    pub took: Duration,
    /// Whether it is about the made-up account.
    pub is_demo: bool,
}

/// What an exit code means, in a word.
fn exit_name(code: u8) -> &'static str {
    match code {
        0 => "done",
        2 => "usage",
        3 => "not_authorised",
        4 => "unreachable",
        5 => "untrusted",
        6 => "output",
        7 => "condition",
        8 => "busy",
        129 => "hung_up",
        130 => "interrupted",
        143 => "terminated",
        _ => "failed",
    }
}

/// The document of a job: of one account, or of several with a sum in which no account of the API is twice.
pub fn render(info: &JobInfo, result: &JobResult) -> String {
    let accounts = &result.accounts;
    let (entries, counts): (Vec<JournalEntry>, Vec<RequestCounts>) =
        accounts.iter().map(|account| account.journal.read()).unzip();
    let named = accounts.iter().zip(&entries);
    let named: IndexMap<String, AccountDocument> = named
        .filter_map(|(account, entry)| Some((account.account.clone()?, account_document(account, entry))))
        .collect();
    // What is said of one account alone.
    let one = entries.first().filter(|_| entries.len() == 1);
    let sum = |of: fn(&RequestCounts) -> u64| counts.iter().map(of).sum();
    let seconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
    let mut times = IndexMap::from([("total", seconds(info.took))]);
    let stages = one.iter().flat_map(|entry| &entry.stages);
    times.extend(stages.map(|(stage, time)| (*stage, seconds(*time))));
    let caveats = one.map_or_else(|| shared_accounts(accounts), |entry| entry.caveats.clone());
    let proof = sum_of_all(&entries, |entry| entry.proof.as_ref(), Proof::and);
    let mut document = OutcomeDocument {
        schema_version: SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION"),
        job: &info.job,
        command: &info.command,
        exit_code: result.exit_code,
        exit_name: exit_name(result.exit_code),
        error: result.error.clone(),
        period: common_period(&entries),
        totals: sum_of_all(&entries, |entry| entry.totals.as_ref(), Totals::plus)
            .as_ref()
            .map(OutcomeTotals::from),
        proof: proof.as_ref().map(OutcomeProof::from),
        unusual_days: one.and_then(|entry| Some(entry.unusual.as_ref()?.documents())),
        caveats: caveat::sentences(&caveats),
        caveat_details: Some(caveat::details(&caveats)),
        requests: sum(|counts| counts.total),
        retries: sum(|counts| counts.retries),
        rate_limited: sum(|counts| counts.rate_limited),
        bytes: sum(|counts| counts.bytes),
        seconds: times,
        started_at: format_instant(info.started_ms),
        out: one.and_then(|entry| entry.out.clone()),
        files: one.map_or(Vec::new(), files),
        accounts: Some(named).filter(|named| !named.is_empty()),
        unusual_days_left_out: 0,
        caveats_left_out: 0,
        files_left_out: 0,
        accounts_left_out: 0,
    };
    document.shortened()
}

fn account_document(account: &AccountResult, entry: &JournalEntry) -> AccountDocument {
    AccountDocument {
        exit_code: account.ending.exit_code,
        exit_name: exit_name(account.ending.exit_code),
        error: account.ending.error.clone(),
        totals: entry.totals.as_ref().map(OutcomeTotals::from),
        proven: entry.proof.as_ref().map(|proof| proof.proven),
        unusual_days: entry.unusual.as_ref().map(|unusual| unusual.found.len()),
        caveats: entry.caveats.len(),
        out: entry.out.clone(),
    }
}

fn files(entry: &JournalEntry) -> Vec<FileDocument> {
    let files = entry.files.iter().map(|file| FileDocument {
        path: file.path.clone(),
        bytes: file.bytes,
        rows: file.rows,
    });
    files.collect()
}

/// The period of all, if it is one.
fn common_period(entries: &[JournalEntry]) -> Option<Period> {
    let mut periods = entries.iter().map(|entry| &entry.period);
    let first = periods.next()?;
    periods.all(|period| period == first).then(|| first.clone())?
}

/// The sum over the API's accounts, each once; none where nothing was published, or not all of it was.
fn sum_of_all<T: Clone>(
    entries: &[JournalEntry],
    part: impl Fn(&JournalEntry) -> Option<&T>,
    plus: impl Fn(&T, &T) -> T,
) -> Option<T> {
    let mut seen: Vec<&str> = Vec::new();
    let mut sum: Option<T> = None;
    for entry in entries {
        match entry.account_id.as_deref() {
            Some(id) if seen.contains(&id) => continue,
            id => seen.extend(id),
        }
        let part = part(entry)?;
        sum = Some(sum.map_or_else(|| part.clone(), |sum| plus(&sum, part)));
    }
    sum
}

/// Which names turned out to be of one account of the API.
pub fn shared_accounts(accounts: &[AccountResult]) -> Vec<Caveat> {
    let mut names: IndexMap<String, Vec<&str>> = IndexMap::new();
    for account in accounts {
        if let (Some(name), Some(id)) = (account.account.as_deref(), account.journal.read().0.account_id) {
            names.entry(id).or_default().push(name);
        }
    }
    let shared = names.into_values().filter(|names| names.len() > 1);
    shared
        .map(|names| Caveat::SharedAccount {
            names: names.into_iter().map(String::from).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::outcome::document::MAX_BYTES;
    use crate::app::outcome::file::is_outcome;
    use crate::context::journal::{Ending, Journal};
    use crate::provenance::FileEntry;
    use proptest::prelude::*;
    use serde_json::Value;

    fn facts() -> JobInfo {
        JobInfo {
            job: "20251003T060000Z-0a1b2c3d".into(),
            command: "export".into(),
            started_ms: 1_759_471_200_000,
            took: Duration::from_millis(1234),
            is_demo: false,
        }
    }

    fn part(account: Option<String>, exit_code: u8, error: Option<String>, runs: u64) -> AccountResult {
        let journal = Journal::default();
        journal.update(|noted| {
            noted.totals = Some(Totals {
                runs,
                usage_total_usd: Some(crate::money::Usd(i128::from(runs) * 10_i128.pow(18))),
                runs_cost_unknown: 1,
                ..Totals::default()
            });
        });
        AccountResult {
            account,
            ending: Ending { exit_code, error },
            journal,
        }
    }

    fn parsed(text: &str) -> Value {
        assert!(text.len() <= MAX_BYTES && text.ends_with('\n'), "{} bytes", text.len());
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_document_and_any_beginning_of_one_is_known_as_an_outcome() {
        let whole = render(&facts(), &JobResult::new(vec![part(None, 0, None, 1)]));
        assert!((0..whole.len()).all(|end| is_outcome(&whole[..end])));
    }

    #[test]
    fn totals_of_several_accounts_are_summed_and_each_account_is_counted_once() {
        let parts: Vec<AccountResult> = ["a", "b", "c"]
            .iter()
            .map(|name| part(Some((*name).into()), 0, None, 10))
            .collect();
        for (part, id) in parts.iter().zip(["one", "two", "one"]) {
            part.journal.update(|noted| noted.account_id = Some(id.into()));
        }
        let told = parsed(&render(&facts(), &JobResult::new(parts)));
        assert_eq!(told["totals"]["runs"], 20);
        assert_eq!(told["totals"]["usage_total_usd"], "20");
        assert_eq!(
            told["caveats"],
            serde_json::json!(["a and c are the same account, which is counted once"])
        );
    }

    #[test]
    fn what_does_not_fit_is_counted_and_failures_stay_longest() {
        let mut parts: Vec<AccountResult> = (0..300)
            .map(|at| part(Some(format!("account-{at:03}")), 0, None, 1))
            .collect();
        parts[150].ending = Ending::new(4, "é".repeat(5000));
        let result = JobResult {
            exit_code: 4,
            error: Some("1 of 300 accounts failed: account-150".into()),
            accounts: parts,
        };
        let told = parsed(&render(&facts(), &result));
        let accounts = told["accounts"].as_object().unwrap();
        assert_eq!(accounts["account-150"]["exit_name"], "unreachable");
        let left_out = told["accounts_left_out"].as_u64().unwrap();
        assert_eq!(accounts.len() as u64 + left_out, 300);
        assert_eq!(told["totals"]["runs"], 300);
    }

    proptest! {
        // Each case makes a hundred thousand letters; PROPTEST_CASES asks for more.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

        #[test]
        fn it_is_one_short_json_document_whatever_there_is_to_tell(
            error in proptest::option::of("\\PC{0,3000}"),
            caveats in proptest::collection::vec("\\PC{0,400}", 0..30),
            files in proptest::collection::vec("[a-z/=\"\\\\]{1,200}", 0..60),
            out in "\\PC{0,2000}",
        ) {
            let part = part(None, 5, error.clone(), 3);
            part.journal.update(|noted| {
                noted.caveats = Caveat::of_manifest(&caveats, &[]);
                noted.out = Some(out);
                noted.files = files.iter().map(|path| FileEntry {
                    path: path.clone(),
                    sha256: String::new(),
                    bytes: 1,
                    rows: None,
                }).collect();
            });
            let told = parsed(&render(&facts(), &JobResult::new(vec![part])));
            let left_out = |what: &str| told[what].as_u64().unwrap_or(0) as usize;
            prop_assert_eq!(told["caveats"].as_array().unwrap().len() + left_out("caveats_left_out"), caveats.len());
            prop_assert_eq!(told["files"].as_array().unwrap().len() + left_out("files_left_out"), files.len());
        }
    }
}
