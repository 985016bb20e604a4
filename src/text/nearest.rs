//! What somebody may have meant who typed a word that there is not. A wrong guess misleads more than none: only what few slips
//! of the keyboard tell apart is a guess.

use std::cmp::Reverse;

/// Longer texts are no slips.
const LONGEST: usize = 64;

/// The distance of two words that may be slips of each other: at most one, and one more for each four letters.
fn distance(word: &str, other: &str) -> Option<usize> {
    let (letters, others) = (word.chars().count(), other.chars().count());
    let most = 1 + letters.saturating_sub(2) / 4;
    if letters < 2 || letters.abs_diff(others) > most {
        return None;
    }
    Some(strsim::osa_distance(word, other)).filter(|distance| *distance <= most)
}

/// The known words that are nearest to a mistyped word: the best, or several that are as near. Case, `_` and `-` don't count, and a
/// word that begins another, or is begun by it, is near.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['_', ' '], "-");
    let word = plain(word);
    if word.len() > LONGEST {
        return Vec::new();
    }
    let rated = known.into_iter().filter_map(|known| {
        let other = plain(known);
        let begins = word.len() >= 3 && other.len() >= 3 && (other.starts_with(&word) || word.starts_with(&other));
        let rank = match distance(&word, &other) {
            Some(distance) => (0, Reverse(0), distance),
            // Of words that begin it, the longest; of those that it begins, the shortest.
            None if begins => (1, Reverse(other.len().min(word.len())), other.len()),
            None => return None,
        };
        Some((rank, known))
    });
    let mut rated: Vec<_> = rated.collect();
    rated.sort_by_key(|(rank, _)| *rank);
    let best = rated.first().map(|(rank, _)| *rank);
    let best = rated.iter().take_while(|(rank, _)| Some(*rank) == best);
    best.map(|(_, known)| *known).collect()
}

/// `; did you mean X or Y?`, or nothing.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    match nearest(word, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let options = [
            "last",
            "last-month",
            "parquet-compat",
            "out",
            "outcome",
            "strict",
            "from",
        ];
        for (word, near) in [
            ("last-mont", vec!["last-month"]),
            ("lastmonth", vec!["last-month"]),
            ("LAST_MONTH", vec!["last-month"]),
            ("last-monht", vec!["last-month"]),
            ("lsat", vec!["last"]),
            ("strikt", vec!["strict"]),
            ("output", vec!["out"]),
            ("form", vec!["from"]),
            ("days", vec![]),
            ("x", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(nearest(word, options), near, "{word}");
        }
    }

    #[test]
    fn names_as_near_as_each_other_are_all_said() {
        assert_eq!(nearest("exprt", ["export", "report", "verify"]), ["export"]);
        assert_eq!(
            nearest("Europe/Pargue", ["Europe/Prague", "Europe/Paris"]),
            ["Europe/Prague"]
        );
        assert_eq!(did_you_mean("cat", ["bat", "hat", "dog"]), "; did you mean bat or hat?");
        assert_eq!(did_you_mean("zebra", ["bat", "hat"]), "");
    }
}
