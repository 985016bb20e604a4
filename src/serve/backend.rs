//! The account behind the server, made up or archived. It answers questions and knows nothing of HTTP.

use std::sync::Arc;

use super::archived::CurrentArchive;
use super::envelope::ApiAnswer;
use super::made_up::MadeUpAccount;
use super::made_up::options::DEMO_NOW_MS;
use super::question::ApiQuestion;
use super::refusal::Refusal;
use crate::period::Millis;

#[derive(Debug)]
pub enum Backend {
    MadeUp(Arc<MadeUpAccount>),
    Archive(Arc<CurrentArchive>),
}

impl Backend {
    /// The instant at which the account's own clock stands, if it has one.
    pub(super) fn fixed_ms(&self) -> Option<Millis> {
        matches!(self, Backend::MadeUp(_)).then_some(DEMO_NOW_MS)
    }

    /// The answer to a question.
    pub(super) fn answer(&self, question: &ApiQuestion) -> Result<ApiAnswer, Refusal> {
        match self {
            Backend::MadeUp(account) => account.answer(question),
            Backend::Archive(archive) => archive.get().answer(question),
        }
    }
}
