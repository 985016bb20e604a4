//! The document of `--outcome`, and how it is cut to a size.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::money::Usd;
use crate::period::Period;
use crate::provenance::{Proof, Totals};
use crate::report::unusual::UnusualDayDocument;

/// Longest document, its newline too.
pub const MAX_BYTES: usize = 4096;
/// Longest text of an error at first, and at last.
const ERROR_CHARS: [usize; 2] = [1000, 120];

/// The outcome of a job: how it ended, and what it published. At most 4,096 bytes long.
#[derive(Serialize)]
pub struct OutcomeDocument<'j> {
    pub schema_version: u32,
    pub tool_version: &'static str,
    /// The ID of the job, which its log lines have too.
    pub job: &'j str,
    /// The command; empty if the command line names none.
    pub command: &'j str,
    pub exit_code: u8,
    /// The name of the exit code.
    pub exit_name: &'static str,
    pub error: Option<String>,
    /// The period; with several accounts, null unless it is the same for all.
    pub period: Option<Period>,
    /// Figures of all runs that were published; null where nothing was published.
    pub totals: Option<OutcomeTotals>,
    pub proof: Option<OutcomeProof>,
    /// Days on which an Actor, or the whole account, used more than usual; present with --unusual. With several accounts, only
    /// their numbers are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusual_days: Option<Vec<UnusualDayDocument>>,
    /// Caveats as sentences.
    pub caveats: Vec<String>,
    /// Caveats with codes and counts. Left out first if the document would be too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caveat_details: Option<Vec<Value>>,
    pub requests: u64,
    pub retries: u64,
    pub rate_limited: u64,
    pub bytes: u64,
    /// Duration of the job in all, and of each stage.
    pub seconds: IndexMap<&'static str, f64>,
    /// The job's start by this machine's clock.
    pub started_at: String,
    /// Path or URL of the export or lake that was written.
    pub out: Option<String>,
    pub files: Vec<FileDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<IndexMap<String, AccountDocument>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub unusual_days_left_out: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub caveats_left_out: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub files_left_out: usize,
    #[serde(skip_serializing_if = "is_zero")]
    pub accounts_left_out: usize,
}

/// The part of the totals that fits into 4,096 bytes.
#[derive(Serialize)]
pub struct OutcomeTotals {
    pub runs: u64,
    /// US dollars, exact; null where no cost is known.
    pub usage_total_usd: Option<Usd>,
    pub runs_cost_unknown: u64,
    pub runs_provisional: u64,
}

impl From<&Totals> for OutcomeTotals {
    fn from(totals: &Totals) -> OutcomeTotals {
        OutcomeTotals {
            runs: totals.runs,
            usage_total_usd: totals.usage_total_usd,
            runs_cost_unknown: totals.runs_cost_unknown,
            runs_provisional: totals.runs_provisional,
        }
    }
}

/// Whether all runs were received.
#[derive(Serialize)]
pub struct OutcomeProof {
    pub proven: bool,
    /// Runs that the API counted.
    pub counted: u64,
    /// Distinct runs that were received.
    pub fetched: u64,
}

impl From<&Proof> for OutcomeProof {
    fn from(proof: &Proof) -> OutcomeProof {
        OutcomeProof {
            proven: proof.proven,
            counted: proof.counted,
            fetched: proof.fetched,
        }
    }
}

#[derive(Serialize)]
pub struct FileDocument {
    pub path: String,
    pub bytes: u64,
    pub rows: Option<u64>,
}

#[derive(Serialize)]
pub struct AccountDocument {
    pub exit_code: u8,
    pub exit_name: &'static str,
    pub error: Option<String>,
    pub totals: Option<OutcomeTotals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven: Option<bool>,
    /// The number of findings; present with --unusual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusual_days: Option<usize>,
    pub caveats: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl OutcomeDocument<'_> {
    /// The document as a line that fits: what matters least goes first.
    pub fn shortened(&mut self) -> String {
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
            } else if self.unusual_days.as_mut().and_then(Vec::pop).is_some() {
                self.unusual_days_left_out += 1;
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
