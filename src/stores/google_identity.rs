//! Google's workload identities: a token of somebody whom Google trusts (GitHub, Kubernetes, a company's own service), from a file or
//! a URL, exchanged for one of Google's. The object stores' crate knows keys of service accounts and gcloud's own logins only.
//! Formats by <https://google.aip.dev/auth/4117>.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use hyper::http::{Method, Request};
use indexmap::IndexMap;
use object_store::CredentialProvider;
use object_store::client::{HttpClient, HttpConnector};
use object_store::gcp::GcpCredential;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Host, Url};

use crate::bounded::read_regular;
use crate::error::{Error, Result};
use crate::period::{now_ms, parse_instant};
use crate::retry::is_transient;
use crate::stores::address::endpoint;
use crate::stores::answers::StoreConnector;
use crate::stores::errors::one_line;
use crate::stores::http::client_options;

const TYPE: &str = "external_account";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What Google's token is to be good for: narrower where a service account's token follows, which then decides.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const STORAGE_SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// How long a service account's token is good for, unless the file says otherwise.
const LIFETIME_S: u64 = 3600;
/// How long before a token expires a new one is asked for.
const BEFORE_EXPIRY: Duration = Duration::from_secs(120);
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// The most bytes of the file, and of a token.
const MAX_BYTES: u64 = 1 << 20;

/// A file of credentials as Google's tools write it.
#[derive(Deserialize)]
struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Impersonation,
    client_id: Option<String>,
    client_secret: Option<String>,
    workforce_pool_user_project: Option<String>,
}

#[derive(Deserialize, Default)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: IndexMap<String, String>,
    #[serde(default)]
    format: TokenFormat,
    executable: Option<Value>,
    environment_id: Option<String>,
    certificate: Option<Value>,
}

#[derive(Deserialize, Default)]
struct TokenFormat {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    subject_token_field_name: Option<String>,
}

/// Where the subject's token comes from.
enum SubjectToken {
    File(PathBuf),
    Url(Url),
}

/// Why there is no token.
#[derive(Debug)]
enum NoToken {
    /// The file, or what it names, is not as it should be, or a service said no.
    Refused(String),
    /// A service cannot be reached, or keeps failing.
    Unreachable(String),
}

/// Exchanges tokens, and keeps Google's until shortly before it expires.
pub struct WorkloadIdentity {
    account: ExternalAccount,
    source: SubjectToken,
    token_url: Url,
    impersonation_url: Option<Url>,
    http: HttpClient,
    held: Mutex<Option<(Arc<GcpCredential>, Instant)>>,
}

impl fmt::Debug for WorkloadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "WorkloadIdentity({})", self.token_url)
    }
}

impl WorkloadIdentity {
    /// The identity in a file of credentials; none where the file is of another type, or can't be read: the crate says so.
    ///
    /// # Errors
    /// Exit 3 for a file that names no source that is known here; exit 2 for a URL that a token must not go to.
    pub fn read(path: &str, handle: &Handle) -> Result<Option<WorkloadIdentity>> {
        let bytes = read_regular(path.as_ref(), MAX_BYTES).unwrap_or_default();
        let Ok(document) = serde_json::from_slice::<Value>(&bytes) else {
            return Ok(None);
        };
        if document["type"] != TYPE {
            return Ok(None);
        }
        let wrong =
            |problem: anyhow::Error| Error::NotAuthorised(format!("the Google credentials in {path}: {problem}"));
        let account: ExternalAccount =
            serde_json::from_value(document).map_err(|error| wrong(anyhow!("not a file of type {TYPE}: {error}")))?;
        let source = account.credential_source.find().map_err(wrong)?;
        let url = |text: &str, field: &str| endpoint(text, &format!("{field} of {path}"));
        let (token_url, mut is_http) = url(&account.token_url, "token_url")?;
        let impersonation = account.service_account_impersonation_url.as_deref();
        let impersonation = impersonation
            .map(|text| url(text, "service_account_impersonation_url"))
            .transpose()?;
        is_http |= impersonation.as_ref().is_some_and(|(_, is_http)| *is_http);
        if let SubjectToken::Url(source) = &source {
            is_http |= source.scheme() == "http";
            if !is_link_local(source) {
                url(source.as_str(), "credential_source")?;
            }
        }
        let http = StoreConnector::new(handle.clone()).connect(&client_options(is_http));
        Ok(Some(WorkloadIdentity {
            source,
            token_url,
            impersonation_url: impersonation.map(|(url, _)| url),
            http: http.map_err(|error| wrong(error.into()))?,
            account,
            held: Mutex::new(None),
        }))
    }

    async fn credential(&self) -> std::result::Result<Arc<GcpCredential>, NoToken> {
        let mut held = self.held.lock().await;
        if let Some((credential, until)) = held.as_ref()
            && Instant::now() + BEFORE_EXPIRY < *until
        {
            return Ok(credential.clone());
        }
        let subject = self.subject_token().await?;
        let (mut bearer, mut good_for) = self.exchange(&subject).await?;
        if let Some(url) = &self.impersonation_url {
            (bearer, good_for) = self.impersonate(url, &bearer).await?;
        }
        let credential = Arc::new(GcpCredential { bearer });
        *held = Some((credential.clone(), Instant::now() + good_for));
        Ok(credential)
    }

    async fn subject_token(&self) -> std::result::Result<String, NoToken> {
        let source = &self.account.credential_source;
        let (text, place) = match &self.source {
            SubjectToken::File(path) => {
                let place = path.display().to_string();
                let bytes = read_regular(path, MAX_BYTES)
                    .map_err(|error| NoToken::Refused(format!("cannot read the token in {place}: {error}")))?;
                (String::from_utf8_lossy(&bytes).into_owned(), place)
            }
            SubjectToken::Url(url) => {
                let place = url.origin().ascii_serialization();
                let headers: Vec<(&str, &str)> = source
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                (self.ask(Method::GET, url, &headers, String::new()).await?, place)
            }
        };
        let token = source.format.token_in(&text);
        token.map_err(|problem| NoToken::Refused(format!("the token from {place}: {problem}")))
    }

    /// Google's token for the subject's, and for how long it is good.
    async fn exchange(&self, subject: &str) -> std::result::Result<(String, Duration), NoToken> {
        let account = &self.account;
        let client = account.client_id.as_ref().map(|id| {
            let secret = account.client_secret.as_deref().unwrap_or_default();
            format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
        });
        let body = self.exchange_form(subject, client.is_some());
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(client.as_deref().map(|client| ("authorization", client)));
        let text = self.ask(Method::POST, &self.token_url, &headers, body).await?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = answer["access_token"].as_str().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| no_token(&self.token_url, "access_token"))?;
        let seconds = answer["expires_in"].as_u64().unwrap_or(LIFETIME_S);
        Ok((token.into(), Duration::from_secs(seconds)))
    }

    fn exchange_form(&self, subject: &str, has_client: bool) -> String {
        let account = &self.account;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", EXCHANGE)
            .append_pair("audience", &account.audience)
            .append_pair("scope", SCOPE)
            .append_pair("requested_token_type", ACCESS_TOKEN)
            .append_pair("subject_token_type", &account.subject_token_type)
            .append_pair("subject_token", subject);
        if let Some(project) = account.workforce_pool_user_project.as_ref().filter(|_| !has_client) {
            form.append_pair("options", &json!({ "userProject": project }).to_string());
        }
        form.finish()
    }

    /// A service account's token for one that may ask for it, and for how long it is good.
    async fn impersonate(&self, url: &Url, bearer: &str) -> std::result::Result<(String, Duration), NoToken> {
        let seconds = self.account.service_account_impersonation.token_lifetime_seconds;
        let seconds = seconds.unwrap_or(LIFETIME_S);
        let body = json!({ "scope": [STORAGE_SCOPE], "lifetime": format!("{seconds}s") });
        let authorization = format!("Bearer {bearer}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", authorization.as_str()),
        ];
        let text = self.ask(Method::POST, url, &headers, body.to_string()).await?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = answer["accessToken"].as_str().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| no_token(url, "accessToken"))?;
        let until = answer["expireTime"].as_str().and_then(parse_instant);
        let left = until.map(|until| u64::try_from(until - now_ms()).unwrap_or(0));
        Ok((
            token.into(),
            left.map_or(Duration::from_secs(seconds), Duration::from_millis),
        ))
    }

    /// The body of a good answer; asked for again where the trouble may pass.
    async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&str, &str)],
        body: String,
    ) -> std::result::Result<String, NoToken> {
        let at = url.origin().ascii_serialization();
        let mut attempt = 1;
        loop {
            let failure = match self.send(&method, url, headers, body.clone()).await? {
                Ok((200..=299, text)) => return Ok(text),
                Ok((status, text)) if !is_transient(status) => {
                    return Err(NoToken::Refused(format!("{at} answers {status}{}", reason(&text))));
                }
                Ok((status, text)) => format!("{at} answers {status}{}", reason(&text)),
                Err(error) => format!("no answer from {at}: {error}"),
            };
            if attempt == ATTEMPTS {
                return Err(NoToken::Unreachable(failure));
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Status and text of one answer, or why there was none.
    async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &[(&str, &str)],
        body: String,
    ) -> std::result::Result<anyhow::Result<(u16, String)>, NoToken> {
        let mut request = Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(body.into())
            .map_err(|error| NoToken::Refused(format!("cannot ask {}: {error}", url.origin().ascii_serialization())))?;
        let answered = async {
            let response = self.http.execute(request).await.map_err(|error| deepest(&error))?;
            let status = response.status().as_u16();
            let body = response.into_body().bytes().await.map_err(|error| deepest(&error))?;
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        };
        Ok(answered.await)
    }
}

impl CredentialSource {
    fn find(&self) -> anyhow::Result<SubjectToken> {
        let unknown = |what: &str| {
            Err(anyhow!(
                "credential_source with {what} is not supported: only those with a file or url are. Let the service that runs the job \
                 write its token to a file and name it as file, or use a service account's key"
            ))
        };
        match (&self.file, &self.url) {
            (Some(path), _) => Ok(SubjectToken::File(path.clone())),
            _ if self.executable.is_some() => unknown("executable"),
            _ if self.environment_id.is_some() => unknown("environment_id (Amazon's signed requests)"),
            _ if self.certificate.is_some() => unknown("certificate"),
            (None, Some(url)) => Url::parse(url)
                .map(SubjectToken::Url)
                .map_err(|error| anyhow!("credential_source has a url that cannot be read: {error}")),
            (None, None) => Err(anyhow!("credential_source has neither file nor url")),
        }
    }
}

impl TokenFormat {
    fn token_in(&self, text: &str) -> anyhow::Result<String> {
        let token = match (self.kind.as_deref(), &self.subject_token_field_name) {
            (None | Some("text"), _) => text.trim().to_string(),
            (Some("json"), Some(field)) => {
                let document: Value = serde_json::from_str(text)
                    .map_err(|error| anyhow!("expected JSON with the field {field}: {error}"))?;
                let token = document[field.as_str()].as_str();
                token
                    .ok_or_else(|| anyhow!("expected a text in the field {field}"))?
                    .into()
            }
            (Some("json"), None) => bail!("format has type json, but no subject_token_field_name"),
            (Some(other), _) => bail!("format has type {other:?}; expected text or json"),
        };
        match token.is_empty() {
            true => bail!("it is empty"),
            false => Ok(token),
        }
    }
}

impl CredentialProvider for WorkloadIdentity {
    type Credential = GcpCredential;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, object_store::Result<Arc<GcpCredential>>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            self.credential().await.map_err(|failure| match failure {
                NoToken::Refused(why) => object_store::Error::Unauthenticated {
                    path: "Google credentials".into(),
                    source: why.into(),
                },
                NoToken::Unreachable(why) => object_store::Error::Generic {
                    store: "Google credentials",
                    source: Box::new(std::io::Error::other(why)),
                },
            })
        })
    }
}

/// Whether a URL leads to the machine's own metadata service, which has no certificate.
fn is_link_local(url: &Url) -> bool {
    url.scheme() == "http" && matches!(url.host(), Some(Host::Ipv4(address)) if address.is_link_local())
}

fn no_token(url: &Url, field: &str) -> NoToken {
    let at = url.origin().ascii_serialization();
    NoToken::Refused(format!("{at} gave an answer without {field}"))
}

/// What an answer says of its refusal: OAuth's words, or those of Google's APIs. Nothing else of it, which may hold a token.
fn reason(text: &str) -> String {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let words = [
        &answer["error_description"],
        &answer["error"]["message"],
        &answer["error"],
    ];
    let words = words.into_iter().find_map(Value::as_str);
    words.map_or(String::new(), |words| format!(": {}", one_line(words)))
}

fn deepest(error: &dyn std::error::Error) -> anyhow::Error {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    anyhow!(one_line(&cause.to_string()))
}

#[cfg(test)]
mod tests;
