//! `--outcome`: how a job ended, as one short JSON document, written in place: it also serves where the file is a mount of its
//! own, as a Kubernetes termination message is, which holds 4,096 bytes.

pub mod file;

use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::context::journal::{Noted, ProofCounts, Record, Totals};
use crate::period::{Millis, format_instant};
use crate::provenance::PeriodText;
use crate::report::caveat::{self, Caveat};

/// Longest document, its newline too.
pub const MAX_BYTES: usize = 4096;
/// Longest text of an error at first, and at last.
const ERROR_CHARS: [usize; 2] = [1000, 120];
const SCHEMA_VERSION: u32 = 1;

/// How an account's part, or all of a job, ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The account, where one was named.
    pub account: Option<String>,
    /// The exit code.
    pub exit_code: u8,
    /// What was said of it.
    pub error: Option<String>,
    /// What was noted.
    pub record: Record,
}

/// What is true of the whole job.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// The job's ID.
    pub job: String,
    /// The command, if one was called.
    pub command: String,
    /// When it began, by this machine's clock.
    pub started_ms: Millis,
    /// How long it took.
    pub took: Duration,
    /// Whether it is about the made-up account.
    pub is_demo: bool,
}

/// What an exit code means, in a word.
pub fn exit_name(code: u8) -> &'static str {
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

#[derive(Serialize)]
struct Document<'j> {
    schema_version: u32,
    tool_version: &'static str,
    job: &'j str,
    command: &'j str,
    exit_code: u8,
    exit_name: &'static str,
    error: Option<String>,
    period: Option<PeriodText>,
    totals: Option<TotalsDocument>,
    proof: Option<ProofDocument>,
    caveats: Vec<String>,
    /// Left out first where the document would be too long: `caveats` says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    caveat_details: Option<Vec<Value>>,
    requests: u64,
    retries: u64,
    rate_limited: u64,
    bytes: u64,
    seconds: IndexMap<&'static str, f64>,
    started_at: String,
    out: Option<String>,
    files: Vec<FileDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<IndexMap<String, AccountDocument>>,
    #[serde(skip_serializing_if = "is_zero")]
    caveats_left_out: usize,
    #[serde(skip_serializing_if = "is_zero")]
    files_left_out: usize,
    #[serde(skip_serializing_if = "is_zero")]
    accounts_left_out: usize,
}

#[derive(Serialize)]
struct TotalsDocument {
    runs: u64,
    usage_total_usd: Option<String>,
    runs_cost_unknown: u64,
    runs_provisional: u64,
}

#[derive(Serialize)]
struct ProofDocument {
    proven: bool,
    counted: u64,
    fetched: u64,
}

#[derive(Serialize)]
struct FileDocument {
    path: String,
    bytes: u64,
    rows: Option<u64>,
}

#[derive(Serialize)]
struct AccountDocument {
    exit_code: u8,
    exit_name: &'static str,
    error: Option<String>,
    totals: Option<TotalsDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proven: Option<bool>,
    caveats: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl From<&Totals> for TotalsDocument {
    fn from(totals: &Totals) -> TotalsDocument {
        TotalsDocument {
            runs: totals.runs,
            usage_total_usd: totals.usage_usd.map(|usage| usage.to_string()),
            runs_cost_unknown: totals.cost_unknown,
            runs_provisional: totals.provisional,
        }
    }
}

/// The document of a job: of one account, or of several with a sum in which no account is twice.
pub fn render(facts: &JobFacts, exit_code: u8, error: Option<&str>, parts: &[Ended]) -> String {
    let read: Vec<_> = parts.iter().map(|part| (part, part.record.read())).collect();
    let (accounts, one) = match read.as_slice() {
        [(part, (noted, _))] if part.account.is_none() => (None, Some(noted)),
        [(part, (noted, _))] => (Some(accounts_of(&[(part, noted)])), Some(noted)),
        many => {
            let many: Vec<_> = many.iter().map(|(part, (noted, _))| (*part, noted)).collect();
            (Some(accounts_of(&many)).filter(|accounts| !accounts.is_empty()), None)
        }
    };
    let counts =
        |of: fn(&crate::api::counts::RequestCounts) -> u64| read.iter().map(|(_, (_, counts))| of(counts)).sum();
    let seconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
    let mut times = IndexMap::from([("total", seconds(facts.took))]);
    let stages = one.iter().flat_map(|noted| &noted.stages);
    times.extend(stages.map(|(stage, time)| (*stage, seconds(*time))));
    let notes: Vec<&Noted> = read.iter().map(|(_, (noted, _))| noted).collect();
    let caveats = match one {
        Some(noted) => noted.caveats.clone(),
        None => shared_accounts(&read.iter().map(|(part, (noted, _))| (*part, noted)).collect::<Vec<_>>()),
    };
    let mut document = Document {
        schema_version: SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION"),
        job: &facts.job,
        command: &facts.command,
        exit_code,
        exit_name: exit_name(exit_code),
        error: error.map(String::from),
        period: period(&notes),
        totals: sum(&notes).as_ref().map(TotalsDocument::from),
        proof: proof(&notes).map(|proof| ProofDocument {
            proven: proof.proven,
            counted: proof.counted,
            fetched: proof.fetched,
        }),
        caveats: caveat::sentences(&caveats),
        caveat_details: Some(caveat::details(&caveats)),
        requests: counts(|counts| counts.total),
        retries: counts(|counts| counts.retries),
        rate_limited: counts(|counts| counts.rate_limited),
        bytes: counts(|counts| counts.bytes),
        seconds: times,
        started_at: format_instant(facts.started_ms),
        out: one.and_then(|noted| noted.out.clone()),
        files: one.map_or(Vec::new(), files),
        accounts,
        caveats_left_out: 0,
        files_left_out: 0,
        accounts_left_out: 0,
    };
    document.shortened()
}

/// The period of all, if it is one.
fn period(parts: &[&Noted]) -> Option<PeriodText> {
    let mut periods = parts.iter().map(|noted| &noted.period);
    let first = periods.next()?;
    periods.all(|period| period == first).then(|| first.clone())?
}

fn files(noted: &Noted) -> Vec<FileDocument> {
    let file = |file: &crate::provenance::FileEntry| FileDocument {
        path: file.path.clone(),
        bytes: file.bytes,
        rows: file.rows,
    };
    noted.files.iter().map(file).collect()
}

/// All that were published, each of the API's accounts once; none where nothing was, or not all of them was.
fn sum(parts: &[&Noted]) -> Option<Totals> {
    let all: Option<Vec<&Totals>> = distinct(parts).map(|noted| noted.totals.as_ref()).collect();
    let mut all = all?.into_iter();
    let first = all.next()?.clone();
    Some(all.fold(first, |sum, totals| sum.plus(totals)))
}

/// Each of the API's accounts once.
fn distinct<'n>(parts: &[&'n Noted]) -> impl Iterator<Item = &'n Noted> {
    let mut seen: Vec<&str> = Vec::new();
    parts
        .iter()
        .copied()
        .filter(move |noted| match noted.account_id.as_deref() {
            Some(id) if seen.contains(&id) => false,
            id => {
                seen.extend(id);
                true
            }
        })
}

fn proof(parts: &[&Noted]) -> Option<ProofCounts> {
    let all: Option<Vec<ProofCounts>> = distinct(parts).map(|noted| noted.proof).collect();
    all?.into_iter().reduce(ProofCounts::and)
}

/// Names that turned out to be of one account of the API.
fn shared_accounts(parts: &[(&Ended, &Noted)]) -> Vec<Caveat> {
    let mut names: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for (part, noted) in parts {
        if let (Some(name), Some(id)) = (part.account.as_deref(), noted.account_id.as_deref()) {
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

/// The same, of parts as they ended.
pub fn shared(parts: &[Ended]) -> Vec<Caveat> {
    let read: Vec<_> = parts.iter().map(|part| (part, part.record.read().0)).collect();
    shared_accounts(&read.iter().map(|(part, noted)| (*part, noted)).collect::<Vec<_>>())
}

fn accounts_of(parts: &[(&Ended, &Noted)]) -> IndexMap<String, AccountDocument> {
    let named = parts
        .iter()
        .filter_map(|(part, noted)| Some((part.account.clone()?, part, noted)));
    let document = |part: &Ended, noted: &Noted| AccountDocument {
        exit_code: part.exit_code,
        exit_name: exit_name(part.exit_code),
        error: part.error.clone(),
        totals: noted.totals.as_ref().map(TotalsDocument::from),
        proven: noted.proof.map(|proof| proof.proven),
        caveats: noted.caveats.len(),
        out: noted.out.clone(),
    };
    named.map(|(name, part, noted)| (name, document(part, noted))).collect()
}

impl Document<'_> {
    /// The document as a line that fits: what matters least goes first.
    fn shortened(&mut self) -> String {
        self.cut_errors(ERROR_CHARS[0]);
        loop {
            let text = serde_json::to_string(self).expect("it has no maps but of texts") + "\n";
            if text.len() <= MAX_BYTES {
                return text;
            }
            if self.caveat_details.take().is_some() {
                continue;
            }
            if self.files.pop().is_some() {
                self.files_left_out += 1;
            } else if self.caveats.pop().is_some() {
                self.caveats_left_out += 1;
            } else if !self.cut_errors(ERROR_CHARS[1]) && !self.drop_an_account() {
                return text;
            }
        }
    }

    /// Whether a text was longer.
    fn cut_errors(&mut self, chars: usize) -> bool {
        let accounts = self
            .accounts
            .iter_mut()
            .flatten()
            .map(|(_, account)| &mut account.error);
        let texts = accounts.chain([&mut self.error, &mut self.out]).flatten();
        let cut: Vec<bool> = texts.map(|text| cut(text, chars)).collect();
        cut.contains(&true)
    }

    /// Leaves an account out, if there is one: the last that went well, else the last.
    fn drop_an_account(&mut self) -> bool {
        let Some(accounts) = &mut self.accounts else {
            return false;
        };
        let well = accounts.values().rposition(|account| account.exit_code == 0);
        let dropped = well
            .or(accounts.len().checked_sub(1))
            .and_then(|at| accounts.shift_remove_index(at));
        self.accounts_left_out += usize::from(dropped.is_some());
        dropped.is_some()
    }
}

/// Cuts a text to so many characters and an ellipsis; whether it was longer.
fn cut(text: &mut String, chars: usize) -> bool {
    match text.char_indices().nth(chars) {
        Some((at, _)) if &text[at..] != "…" => {
            text.truncate(at);
            text.push('…');
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::outcome::file::is_outcome;
    use crate::provenance::FileEntry;
    use proptest::prelude::*;

    fn facts() -> JobFacts {
        JobFacts {
            job: "20251003T060000Z-0a1b2c3d".into(),
            command: "export".into(),
            started_ms: 1_759_471_200_000,
            took: Duration::from_millis(1234),
            is_demo: false,
        }
    }

    fn part(account: Option<String>, exit_code: u8, error: Option<String>, runs: u64) -> Ended {
        let record = Record::default();
        record.note(|noted| {
            noted.totals = Some(Totals {
                runs,
                usage_usd: Some(crate::money::Usd(i128::from(runs) * 10_i128.pow(18))),
                cost_unknown: 1,
                provisional: 0,
            });
        });
        Ended {
            account,
            exit_code,
            error,
            record,
        }
    }

    fn parsed(text: &str) -> Value {
        assert!(text.len() <= MAX_BYTES && text.ends_with('\n'), "{} bytes", text.len());
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_document_and_any_beginning_of_one_is_known_as_an_outcome() {
        let whole = render(&facts(), 0, None, &[part(None, 0, None, 1)]);
        assert!((0..whole.len()).all(|end| is_outcome(&whole[..end])));
    }

    #[test]
    fn totals_of_several_accounts_are_summed_and_each_account_is_counted_once() {
        let parts: Vec<Ended> = ["a", "b", "c"]
            .iter()
            .map(|name| part(Some((*name).into()), 0, None, 10))
            .collect();
        for (part, id) in parts.iter().zip(["one", "two", "one"]) {
            part.record.note(|noted| noted.account_id = Some(id.into()));
        }
        let told = parsed(&render(&facts(), 0, None, &parts));
        assert_eq!(told["totals"]["runs"], 20);
        assert_eq!(told["totals"]["usage_total_usd"], "20");
        assert_eq!(
            told["caveats"],
            serde_json::json!(["a and c are one account: counted once"])
        );
    }

    #[test]
    fn what_does_not_fit_is_counted_and_failures_stay_longest() {
        let mut parts: Vec<Ended> = (0..300)
            .map(|at| part(Some(format!("account-{at:03}")), 0, None, 1))
            .collect();
        parts[150].exit_code = 4;
        parts[150].error = Some("é".repeat(5000));
        let told = parsed(&render(
            &facts(),
            4,
            Some("1 of 300 accounts failed: account-150"),
            &parts,
        ));
        let accounts = told["accounts"].as_object().unwrap();
        assert_eq!(accounts["account-150"]["exit_name"], "unreachable");
        let left_out = told["accounts_left_out"].as_u64().unwrap();
        assert_eq!(accounts.len() as u64 + left_out, 300);
        assert_eq!(told["totals"]["runs"], 300);
    }

    proptest! {
        #[test]
        fn it_is_one_short_json_document_whatever_there_is_to_tell(
            error in proptest::option::of("\\PC{0,3000}"),
            caveats in proptest::collection::vec("\\PC{0,400}", 0..30),
            files in proptest::collection::vec("[a-z/=\"\\\\]{1,200}", 0..60),
            out in "\\PC{0,2000}",
        ) {
            let part = part(None, 5, error.clone(), 3);
            part.record.note(|noted| {
                noted.caveats = Caveat::of_manifest(&caveats, &[]);
                noted.out = Some(out);
                noted.files = files.iter().map(|path| FileEntry {
                    path: path.clone(),
                    sha256: String::new(),
                    bytes: 1,
                    rows: None,
                }).collect();
            });
            let told = parsed(&render(&facts(), 5, error.as_deref(), &[part]));
            let left_out = |what: &str| told[what].as_u64().unwrap_or(0) as usize;
            prop_assert_eq!(told["caveats"].as_array().unwrap().len() + left_out("caveats_left_out"), caveats.len());
            prop_assert_eq!(told["files"].as_array().unwrap().len() + left_out("files_left_out"), files.len());
        }
    }
}
