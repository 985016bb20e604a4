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

#[derive(Debug, Default)]
pub struct TokenSources {
    pub file: Option<PathBuf>,
    /// The name of another variable than `APIFY_TOKEN`: then no other way is tried.
    pub named_variable: Option<String>,
    /// What `APIFY_TOKEN`, or the variable that was named, holds.
    pub variable: Option<SecretString>,
    pub home: Option<PathBuf>,
}

impl TokenSources {
    /// The token; an error (exit 3) that names the ways to give one.
    pub fn token(&self) -> Result<SecretString> {
        if let Some(file) = &self.file {
            let text = read_given(file, MAX_TOKEN_BYTES).map_err(|error| {
                Error::NotAuthorised(format!("cannot read --token-file {}: {error}", file.display()))
            })?;
            return usable(&text, &format!("--token-file {}", file.display()));
        }
        let token = self.variable.as_ref().map_or("", |token| token.expose_secret());
        if !token.trim().is_empty() {
            return usable(token, self.named_variable.as_deref().unwrap_or(TOKEN_VARIABLE));
        }
        if let Some(name) = &self.named_variable {
            return Err(Error::NotAuthorised(format!(
                "the variable {name} of token-env has no token"
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
fn login_token(login: &Path) -> Result<SecretString> {
    #[derive(Deserialize)]
    struct Login {
        token: Option<String>,
    }
    let json = read_regular(login, MAX_LOGIN_BYTES)
        .map_err(|error| Error::NotAuthorised(format!("cannot read {}: {error}; {NO_TOKEN}", login.display())))?;
    let login_token = serde_json::from_slice::<Login>(&json).map_or(None, |login| login.token);
    match login_token.filter(|token| !token.trim().is_empty()) {
        Some(token) => usable(&token, &login.display().to_string()),
        None => Err(Error::NotAuthorised(format!(
            "{NO_TOKEN} ({} has no token: newer versions of Apify's CLI keep the token in the system's keyring, which \
             apify-runs does not read)",
            login.display()
        ))),
    }
}

fn usable(text: &str, source: &str) -> Result<SecretString> {
    let token = text.trim_start_matches('\u{feff}').trim();
    if token.is_empty() {
        return Err(Error::NotAuthorised(format!("{source} has no token; {NO_TOKEN}")));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::NotAuthorised(format!(
            "{source} has no valid API token: it has spaces or characters outside ASCII"
        )));
    }
    Ok(SecretString::from(token))
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
        assert_eq!(sources.token().unwrap().expose_secret(), "from-login");
        sources.variable = Some("from-variable".into());
        assert_eq!(sources.token().unwrap().expose_secret(), "from-variable");
        sources.file = Some(folder.path().join("token"));
        assert_eq!(sources.token().unwrap().expose_secret(), "from-file");
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
        let sources = TokenSources {
            variable: Some("two words".into()),
            ..TokenSources::default()
        };
        let error = sources.token().unwrap_err().to_string();
        assert!(error.contains("APIFY_TOKEN") && !error.contains("two words"), "{error}");
    }
}
