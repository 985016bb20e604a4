//! Addresses of pages in Apify Console, where runs and Actors are shown to the account's users.

/// A run's page in Apify Console. Documented as `links.consoleRunUrl`:
/// <https://docs.apify.com/platform/actors/development/actor-definition/output-schema#available-template-variables>.
pub const RUN: &str = "https://console.apify.com/actors/runs/";
pub const ACTOR: &str = "https://console.apify.com/actors/";

/// A run's page where `serve` shows it.
pub const SERVED_RUN: &str = "/runs/";

pub fn run_url(id: &str) -> String {
    format!("{RUN}{}", encoded(id))
}

pub fn served_run_url(id: &str) -> String {
    format!("{SERVED_RUN}{}", encoded(id))
}

pub fn actor_url(act_id: &str) -> String {
    format!("{ACTOR}{}", encoded(act_id))
}

/// A path's segment: all but unreserved letters, <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>, as `%XX`.
fn encoded(segment: &str) -> String {
    let mut path = String::with_capacity(segment.len());
    for byte in segment.bytes().take(MOST) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            byte => path += &format!("%{byte:02X}"),
        }
    }
    path
}

/// Bytes of an ID that an address is made of; Apify's have 17.
const MOST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_not_leave_its_place_in_an_address() {
        assert_eq!(run_url("HG7ML7M8z78YcAPEB"), format!("{RUN}HG7ML7M8z78YcAPEB"));
        assert_eq!(
            actor_url("../a?b#\"><é\u{1b}"),
            format!("{ACTOR}..%2Fa%3Fb%23%22%3E%3C%C3%A9%1B")
        );
    }
}
