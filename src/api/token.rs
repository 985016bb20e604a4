//! Where the API token comes from: a file that a flag names, the environment, or the official CLI's login, in that order.
//! It is never an argument, and never printed.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::bounded::{read_given, read_regular};
use crate::error::{Error, Result};

pub const TOKEN_VARIABLE: &str = "APIFY_TOKEN";

const MAX_TOKEN_BYTES: u64 = 64 << 10;
const MAX_LOGIN_BYTES: u64 = 1 << 20;

const NO_TOKEN: &str = "no API token: set APIFY_TOKEN, give a file with --token-file, or log in with Apify's CLI \
                    (~/.apify/auth.json); or try --demo, which needs no token";

/// A token of fewer characters is none of Apify's: it goes to no other machine, and isn't looked for in messages, where it would
/// stand by chance.
pub const MIN_TOKEN_CHARS: usize = 8;

/// A token, and where it comes from.
#[derive(Debug, Clone)]
pub struct ApiToken {
    secret: SecretString,
    /// As in 'the token of …'.
    source: String,
}

impl ApiToken {
    /// One that was made up here.
    pub fn new(secret: &str, source: &str) -> ApiToken {
        ApiToken {
            secret: SecretString::from(secret),
            source: source.into(),
        }
    }

    pub fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// Where it comes from, as in 'the token of …': a variable, a file, the login of Apify's CLI.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn is_short(&self) -> bool {
        self.secret().len() < MIN_TOKEN_CHARS
    }

    /// A text without it.
    pub fn redacted(&self, text: &str) -> String {
        if self.is_short() {
            return text.into();
        }
        text.replace(self.secret(), "[token]")
    }

    /// Refuses one that is too short to be a token (exit 3).
    pub fn check_length(&self) -> Result<()> {
        if !self.is_short() {
            return Ok(());
        }
        Err(Error::NotAuthorised(format!(
            "{} has fewer than {MIN_TOKEN_CHARS} characters, so it is not an API token: copy the whole token from Apify Console \
             (Settings > API & Integrations)",
            self.source
        )))
    }
}

#[derive(Debug, Default)]
pub struct TokenSources {
    pub file: Option<PathBuf>,
    /// The name of another variable than `APIFY_TOKEN`: then no other way is tried.
    pub named_variable: Option<String>,
    /// What `APIFY_TOKEN`, or the variable that was named, holds.
    pub variable: Option<SecretString>,
    pub home: Option<PathBuf>,
    /// The account of the configuration that names the file or the variable.
    pub account: Option<String>,
}

impl TokenSources {
    /// The token; an error (exit 3) that names the ways to give one.
    pub fn token(&self) -> Result<ApiToken> {
        let account = self.account.as_ref();
        let of_account = |option: &str| account.map_or(String::new(), |name| format!(" ({option} of account {name})"));
        if let Some(file) = &self.file {
            let text = read_given(file, MAX_TOKEN_BYTES).map_err(|error| {
                Error::NotAuthorised(format!("cannot read --token-file {}: {error}", file.display()))
            })?;
            return usable(
                &text,
                format!("--token-file {}{}", file.display(), of_account("token-file")),
            );
        }
        let token = self.variable.as_ref().map_or("", |token| token.expose_secret());
        if !token.trim().is_empty() {
            let variable = self.named_variable.as_deref().unwrap_or(TOKEN_VARIABLE);
            let account = if self.named_variable.is_some() {
                of_account("token-env")
            } else {
                String::new()
            };
            return usable(token, format!("the variable {variable}{account}"));
        }
        if let Some(name) = &self.named_variable {
            return Err(Error::NotAuthorised(format!(
                "the variable {name}{} has no token",
                of_account("token-env")
            )));
        }
        let login = self.home.as_ref().map(|home| home.join(".apify/auth.json"));
        match login.filter(|login| login.exists()) {
            Some(login) => login_token(&login),
            None => Err(Error::NotAuthorised(NO_TOKEN.into())),
        }
    }

    /// A warning of a file that every user of the machine can read.
    pub fn warning(&self) -> Option<String> {
        use std::os::unix::fs::PermissionsExt;
        let file = self.file.as_ref()?;
        let mode = std::fs::metadata(file).ok()?.permissions().mode();
        (mode & 0o004 != 0).then(|| {
            format!(
                "every user of this machine can read the token file {}: run chmod 600 on it",
                file.display()
            )
        })
    }
}

/// The token that the official CLI keeps; newer ones keep it in the system's keyring, which is said.
fn login_token(login: &Path) -> Result<ApiToken> {
    #[derive(Deserialize)]
    struct Login {
        token: Option<String>,
    }
    let json = read_regular(login, MAX_LOGIN_BYTES)
        .map_err(|error| Error::NotAuthorised(format!("cannot read {}: {error}; {NO_TOKEN}", login.display())))?;
    let login_token = serde_json::from_slice::<Login>(&json).map_or(None, |login| login.token);
    match login_token.filter(|token| !token.trim().is_empty()) {
        Some(token) => usable(&token, format!("{} (apify login)", login.display())),
        None => Err(Error::NotAuthorised(format!(
            "{NO_TOKEN} ({} has no token: newer versions of Apify's CLI keep the token in the system's keyring, which \
             apify-runs does not read)",
            login.display()
        ))),
    }
}

/// The token of a text, without the white space around it; an error (exit 3) says what else is around it, and shows nothing of it.
fn usable(text: &str, source: String) -> Result<ApiToken> {
    let token = text.trim_start_matches('\u{feff}').trim();
    if token.is_empty() {
        return Err(Error::NotAuthorised(format!("{source} has no token; {NO_TOKEN}")));
    }
    match problem(token) {
        Some(problem) => Err(Error::NotAuthorised(format!(
            "{source} has no valid API token: {problem}"
        ))),
        None => Ok(ApiToken::new(token, &source)),
    }
}

/// Why a text is no token, as files and variables come by one: by a name before it, quotes around it, a header's word.
fn problem(token: &str) -> Option<&'static str> {
    const QUOTES: [char; 9] = [
        '"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}',
    ];
    let words: Vec<&str> = token.split_whitespace().collect();
    let begins_with = |word: &str| {
        let start = words[0].trim_start_matches(QUOTES).get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let before_equals = token
        .split_once('=')
        .filter(|(_, after)| !after.trim_matches('=').is_empty());
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b' ')
    };
    if before_equals.is_some_and(|(name, _)| is_name(name.trim_start_matches(QUOTES).trim())) {
        Some("it begins with the name of a variable and '='; expected the token alone")
    } else if begins_with("Bearer") && words.len() > 1 || begins_with("Authorization:") {
        Some("it begins with 'Bearer', as a header does; expected the token alone")
    } else if token.contains(QUOTES) {
        Some("it has quotes; expected the token without them")
    } else if words.len() > 1 {
        Some("it has spaces or several lines; expected the token alone")
    } else if !token.is_ascii() {
        Some("it has characters outside ASCII")
    } else if !token
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
    {
        // RFC 6750: what else stands there is a placeholder, or JSON.
        Some("it has characters that no token has; expected letters, digits and '_'")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(folder: &Path) -> TokenSources {
        TokenSources {
            home: Some(folder.to_path_buf()),
            ..TokenSources::default()
        }
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_login() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".apify")).unwrap();
        std::fs::write(
            folder.path().join(".apify/auth.json"),
            r#"{"token":"from-login","id":"x"}"#,
        )
        .unwrap();
        std::fs::write(folder.path().join("token"), "from-file\n").unwrap();
        let mut sources = sources(folder.path());
        assert_eq!(sources.token().unwrap().secret(), "from-login");
        sources.variable = Some("from-variable".into());
        assert_eq!(sources.token().unwrap().secret(), "from-variable");
        sources.file = Some(folder.path().join("token"));
        assert_eq!(sources.token().unwrap().secret(), "from-file");
    }

    #[test]
    fn a_login_without_a_token_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".apify")).unwrap();
        std::fs::write(folder.path().join(".apify/auth.json"), r#"{"username":"x"}"#).unwrap();
        let error = sources(folder.path()).token().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("keyring"), "{error}");
    }

    #[test]
    fn without_any_the_ways_are_named_in_one_line() {
        let error = sources(Path::new("/nowhere")).token().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        assert!(
            ["APIFY_TOKEN", "--token-file", "auth.json", "--demo"]
                .iter()
                .all(|way| text.contains(way)),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_shown() {
        for (variable, why) in [
            ("two s3cr3twords", "spaces"),
            ("s3cr3t\nline", "several lines"),
            ("\"s3cr3twords\"", "quotes"),
            ("\"s3cr3twords\n\"\n", "quotes"),
            (" 's3cr3twords' \r\n", "quotes"),
            ("s3cr3twords\"", "quotes"),
            ("\u{201c}s3cr3twords\u{201d}", "quotes"),
            ("Bearer s3cr3twords", "'Bearer'"),
            ("bearer\ts3cr3twords", "'Bearer'"),
            ("\"Bearer s3cr3twords\"", "'Bearer'"),
            ("Authorization: Bearer s3cr3twords", "'Bearer'"),
            ("APIFY_TOKEN=s3cr3twords", "name of a variable"),
            ("export APIFY_TOKEN=\"s3cr3twords\"", "name of a variable"),
            ("APIFY_TOKEN = s3cr3twords", "name of a variable"),
            ("s3cr3tw\u{f6}rds", "outside ASCII"),
            ("{s3cr3twords}", "no token has"),
            ("s3cr3twords\\n", "no token has"),
        ] {
            let sources = TokenSources {
                variable: Some(variable.into()),
                ..TokenSources::default()
            };
            let error = sources.token().unwrap_err();
            let text = error.to_string();
            assert_eq!(error.exit_code(), 3);
            assert!(
                text.contains("APIFY_TOKEN") && text.contains(why) && !text.contains("s3cr3t"),
                "{variable}: {text}"
            );
        }
    }

    #[test]
    fn white_space_around_a_token_is_no_part_of_it() {
        for variable in [
            "apify_api_x-._~+/=",
            " apify_api_x-._~+/=\r\n",
            "\u{feff}apify_api_x-._~+/=\n",
        ] {
            let sources = TokenSources {
                variable: Some(variable.into()),
                ..TokenSources::default()
            };
            assert_eq!(sources.token().unwrap().secret(), "apify_api_x-._~+/=");
        }
    }

    #[test]
    fn a_short_token_is_in_no_message_by_chance() {
        let token = |secret| ApiToken::new(secret, "the variable APIFY_TOKEN");
        assert_eq!(token("a").redacted("a banana"), "a banana");
        assert_eq!(token("bananas1").redacted("a bananas1"), "a [token]");
        assert_eq!(token("1234567").check_length().unwrap_err().exit_code(), 3);
        assert!(token("12345678").check_length().is_ok());
    }

    #[test]
    fn a_token_says_where_it_comes_from() {
        let mut sources = TokenSources {
            variable: Some("some-token".into()),
            ..TokenSources::default()
        };
        let source = |sources: &TokenSources| sources.token().unwrap().source().to_string();
        assert_eq!(source(&sources), "the variable APIFY_TOKEN");
        (sources.named_variable, sources.account) = (Some("ACME".into()), Some("acme".into()));
        assert_eq!(source(&sources), "the variable ACME (token-env of account acme)");
    }
}
