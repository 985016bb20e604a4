//! What sheets are called: short, without the characters that a spreadsheet forbids, each name once. Pure.

/// Excel's limit.
const MOST_CHARACTERS: usize = 31;

pub fn of_table(name: &str) -> String {
    let known = match name {
        "cost_by_actor" => "By Actor",
        "status_summary" => "By status",
        "unsuccessful_by_actor" => "Unsuccessful",
        "dearest_runs" => "Most expensive runs",
        "unsettled_by_actor" => "Unknown or provisional",
        "change_of_totals" => "Change",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    let words = name.strip_prefix("cost_").unwrap_or(name).replace('_', " ");
    let words = words
        .replace(" by actor", " by Actor")
        .replace("and actor", "and Actor");
    let words = words.replacen("by actor", "by Actor", 1);
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    legal(&first.into_iter().chain(letters).collect::<String>())
}

/// That name, or the first of its numbered ones that isn't taken.
pub fn free(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| {
        let number = format!(" ({number})");
        let kept: String = wanted.chars().take(MOST_CHARACTERS - number.len()).collect();
        kept + &number
    });
    let mut names = std::iter::once(wanted.to_string()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

fn legal(name: &str) -> String {
    let allowed = |c: char| match c {
        '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    let name: String = name.chars().map(allowed).take(MOST_CHARACTERS).collect();
    let name = name.trim();
    // Excel keeps this name to itself.
    if name.is_empty() || name.eq_ignore_ascii_case("history") {
        return "Report".into();
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_called_by_what_they_are_about() {
        let cases = [
            ("cost_by_actor", "By Actor"),
            ("cost_by_day", "By day"),
            ("cost_by_actor_and_status", "By Actor and status"),
            ("cost_by_status_and_actor", "By status and Actor"),
            ("change_by_actor", "Change by Actor"),
            ("budgets", "Budgets"),
            ("a/b:c", "A b c"),
            ("history", "Report"),
            ("", "Report"),
        ];
        for (table, sheet) in cases {
            assert_eq!(of_table(table), sheet);
        }
        assert_eq!(of_table(&"x".repeat(40)).len(), 31);
    }

    #[test]
    fn no_two_sheets_have_one_name() {
        assert_eq!(free("By day", |_| false), "By day");
        assert_eq!(free("By day", |name| name == "By day"), "By day (2)");
        let long = "x".repeat(31);
        assert_eq!(free(&long, |name| name == long), format!("{} (2)", "x".repeat(27)));
    }
}
