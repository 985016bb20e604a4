//! A body with 200 that isn't the one that was asked for: cut off, so that another attempt may bring a whole one, or something
//! else altogether, as of a captive portal or of another server.

use serde::de::IgnoredAny;
use serde_json::error::Category;

/// What came instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadBody {
    /// JSON that breaks off, or is damaged.
    CutOff,
    Empty,
    Html,
    /// Neither JSON nor HTML.
    Text,
    /// Whole JSON, of another shape.
    OtherJson,
}

impl BadBody {
    /// Looks at a body that could not be decoded.
    pub(super) fn of(body: &[u8]) -> BadBody {
        let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        match start.first() {
            None => return BadBody::Empty,
            Some(b'<') => return BadBody::Html,
            _ => {}
        }
        match serde_json::from_slice::<IgnoredAny>(start) {
            Ok(_) => BadBody::OtherJson,
            Err(error) if error.classify() == Category::Eof || start[0] == b'{' => BadBody::CutOff,
            Err(_) => BadBody::Text,
        }
    }

    /// What its receiver can do, where another attempt won't mend it.
    pub(super) fn advice(self) -> Option<&'static str> {
        match self {
            BadBody::CutOff => None,
            BadBody::Empty => Some("the body is empty: correct --api-url, or check which server answers there"),
            BadBody::Html => Some(
                "it is an HTML page, such as a login page of the network or a page of another server: log in to the network, or correct \
                 --api-url",
            ),
            BadBody::Text => Some("it is not JSON: correct --api-url, or check which server answers there"),
            BadBody::OtherJson => {
                Some("it does not have the form of the Apify API: correct --api-url, or update apify-runs")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_off_is_told_from_what_is_something_else() {
        for (body, bad) in [
            (&b""[..], BadBody::Empty),
            (b" \r\n", BadBody::Empty),
            (b"\xef\xbb\xbf", BadBody::Empty),
            (b"<html>Welcome</html>", BadBody::Html),
            (b"\n <!DOCTYPE html>", BadBody::Html),
            (b"Welcome", BadBody::Text),
            (b"ok", BadBody::Text),
            (b"\x00\x01", BadBody::Text),
            (b"{}", BadBody::OtherJson),
            (b"[]", BadBody::OtherJson),
            (b"null", BadBody::OtherJson),
            (b"\"login\"", BadBody::OtherJson),
            (b"{\"data\":{\"items\":[", BadBody::CutOff),
            (b"{\"data\":{\"items\":[}}", BadBody::CutOff),
            (b"[1,", BadBody::CutOff),
        ] {
            assert_eq!(BadBody::of(body), bad, "{}", String::from_utf8_lossy(body));
        }
    }
}
