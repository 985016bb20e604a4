//! What lets a browser use nothing of the page but its one style block and its one script, by their hashes. Deliberately not a policy that
//! could be loosened: there is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The policy for a page of this style block and this script, the tags not included.
///
/// Syntax and hash: <https://www.w3.org/TR/CSP3/#external-hash>.
pub fn policy(style: &str, script: &str) -> String {
    let [style, script] = [style, script].map(|text| STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )
}

/// The text of the one style block of a template or page; empty where it has none.
pub fn style(page: &str) -> &str {
    let from = page.split_once("<style>").map_or("", |(_, from)| from);
    from.split_once("</style>").map_or("", |(style, _)| style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_browsers_expect() {
        // From: printf 'p { color: red }' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            policy("p { color: red }", "p { color: red }"),
            "default-src 'none'; style-src 'sha256-ngewhhP73WDIbgwseeu52VAAJgKdGUsu1IUQQsAm8m4='; script-src 'sha256-ngewhhP73WDIbgwseeu52VAAJgKdGUsu1IUQQsAm8m4='; base-uri 'none'; form-action 'none'"
        );
        assert_eq!(style("<head><style>a\n</style></head>"), "a\n");
    }
}
