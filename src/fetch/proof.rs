//! What shows that a period is complete: counts beside what was received, with notes where they differ. It sums up; the
//! comparing is done window by window in `walk`, and for the whole in `period_fetch`.

use serde::{Deserialize, Serialize};

/// Most notes that are kept; what is beyond is counted.
const MAX_NOTES: usize = 50;

/// The proof as the manifest has it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Proof {
    /// Whether every run that the API counts has been received.
    pub proven: bool,
    /// Runs by the API's count.
    pub counted: u64,
    /// Runs received, one an ID.
    pub fetched: u64,
    /// What was unusual, in words.
    pub notes: Vec<String>,
}

impl Proof {
    /// The proof of nothing yet.
    pub fn empty() -> Proof {
        Proof {
            proven: true,
            counted: 0,
            fetched: 0,
            notes: Vec::new(),
        }
    }

    /// Adds a note; beyond a bound, notes are only counted.
    pub fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        } else if self.notes.len() == MAX_NOTES {
            self.notes.push("and 1 note more".into());
        } else if let Some(last) = self.notes.last_mut() {
            let more: u64 = last.split(' ').nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
            *last = format!("and {} notes more", more + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_bounded_and_the_rest_is_counted() {
        let mut proof = Proof::empty();
        (0..60).for_each(|at| proof.note(format!("note {at}")));
        assert_eq!(proof.notes.len(), 51);
        assert_eq!(proof.notes[50], "and 10 notes more");
    }
}
