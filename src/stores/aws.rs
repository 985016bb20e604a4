//! Amazon S3 with credentials as the AWS CLI finds them: by Amazon's own library, which knows profiles, SSO, processes, web
//! identities, and the roles of containers and instances.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig, imds};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use futures::future::BoxFuture;
use object_store::CredentialProvider;
use object_store::aws::{AmazonS3Builder, AwsCredential, Checksum, S3ConditionalPut, resolve_bucket_region};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::stores::address::endpoint;
use crate::stores::answers::StoreConnector;
use crate::stores::errors::causes;
use crate::stores::http::{CREDENTIALS_TIME, StoreAtOrigin, client_options, origin, retries};

/// Timeout of one attempt to ask the instance metadata service for a role: outside of an instance nothing answers.
const INSTANCE_TIME: Duration = Duration::from_secs(1);
/// How long before credentials expire new ones are asked for.
const BEFORE_EXPIRY: Duration = Duration::from_secs(120);
/// How long it may take to ask where a bucket is.
const REGION_TIME: Duration = Duration::from_secs(10);
/// Variables of how objects are to be kept and paid for, which are no matter of credentials.
const OBJECT_VARIABLES: [&str; 4] = [
    "AWS_REQUEST_PAYER",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_SSE_KMS_KEY_ID",
];
/// Amazon's own variable of whether what is sent has a checksum, for stores that refuse those.
const CHECKSUM_VARIABLE: &str = "AWS_REQUEST_CHECKSUM_CALCULATION";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";

/// The region where none is configured.
const DEFAULT_REGION: &str = "us-east-1";

pub async fn bucket(name: &str, handle: &Handle) -> Result<StoreAtOrigin> {
    let config = config().await;
    let s3_endpoint = std::env::var(S3_ENDPOINT).ok().filter(|text| !text.is_empty());
    let given = match s3_endpoint {
        Some(text) => Some(endpoint(&text, S3_ENDPOINT)?),
        None => config
            .endpoint_url()
            .map(|text| endpoint(text, "AWS_ENDPOINT_URL, or endpoint_url of the profile"))
            .transpose()?,
    };
    let credentials = Arc::new(AwsCredentials {
        provider: config.credentials_provider().ok_or_else(|| none_found(name))?,
        held: Mutex::new(None),
    });
    credentials.ask(name).await?;
    let mut builder = AmazonS3Builder::new();
    for variable in OBJECT_VARIABLES {
        let key = variable.to_ascii_lowercase().parse().ok();
        if let Some((key, value)) = key.zip(std::env::var(variable).ok()) {
            builder = builder.with_config(key, value);
        }
    }
    // Buckets with Object Lock take nothing without one.
    if !std::env::var(CHECKSUM_VARIABLE).is_ok_and(|value| value.eq_ignore_ascii_case("when_required")) {
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    let region = match (config.region(), &given) {
        (Some(region), _) => Some(region.to_string()),
        (None, None) => region_of(name).await,
        (None, Some(_)) => None,
    };
    let amazon = region.as_deref().unwrap_or(DEFAULT_REGION);
    let amazon = format!("https://s3.{amazon}.amazonaws.com");
    let at = given.as_ref().map_or(amazon, |(url, _)| origin(url));
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let is_http = given.as_ref().is_some_and(|(_, is_http)| *is_http);
    if let Some((url, _)) = given {
        builder = builder.with_endpoint(url.as_str().trim_end_matches('/'));
    }
    builder
        .with_bucket_name(name)
        .with_credentials(credentials)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(client_options(is_http))
        .with_retry(retries())
        .with_http_connector(StoreConnector::new(handle.clone()))
        .build()
        .map(|store| (Arc::new(store) as _, at))
        .map_err(|error| Error::Usage(format!("s3://{name}: {}", causes(&error))))
}

/// Region, endpoint and credentials as the environment and the profile give them.
async fn config() -> SdkConfig {
    // On ring, as everything else here, and through the same proxy.
    let http = Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder();
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build()
    });
    let provider = ProviderConfig::without_region().with_http_client(http.clone());
    let instance = imds::Client::builder()
        .configure(&provider)
        .connect_timeout(INSTANCE_TIME)
        .read_timeout(INSTANCE_TIME)
        .max_attempts(2)
        .build();
    // An instance is not asked for its region: a bucket's own is better known by the bucket.
    let region = || {
        RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new())
    };
    let credentials = DefaultCredentialsChain::builder()
        .region(region())
        .imds_client(instance)
        .configure(provider)
        .build()
        .await;
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region())
        .credentials_provider(credentials)
        .load()
        .await
}

/// The region that Amazon gives for a bucket; without an answer, the first request shows it.
async fn region_of(bucket: &str) -> Option<String> {
    let options = client_options(false);
    let asked = tokio::time::timeout(REGION_TIME, resolve_bucket_region(bucket, &options));
    asked.await.ok()?.ok()
}

/// Credentials as Amazon's library finds them, kept until shortly before they expire.
#[derive(Debug)]
struct AwsCredentials {
    provider: SharedCredentialsProvider,
    held: Mutex<Option<Credentials>>,
}

impl AwsCredentials {
    /// Fetches them before anything is done, for an error that says where they were looked for.
    async fn ask(&self, bucket: &str) -> Result<()> {
        match tokio::time::timeout(CREDENTIALS_TIME, self.credentials()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(CredentialsError::CredentialsNotLoaded(_))) => Err(none_found(bucket)),
            Ok(Err(error)) => Err(Error::NotAuthorised(format!(
                "s3://{bucket}: cannot get AWS credentials ({}): {}",
                profile(),
                causes(&error)
            ))),
            Err(_) => Err(Error::NotAuthorised(format!(
                "s3://{bucket}: no AWS credentials within {} s ({}): does `aws sts get-caller-identity` work?",
                CREDENTIALS_TIME.as_secs(),
                profile()
            ))),
        }
    }

    async fn credentials(&self) -> std::result::Result<Credentials, CredentialsError> {
        let mut held = self.held.lock().await;
        let is_fresh = |found: &Credentials| {
            let soon = SystemTime::now() + BEFORE_EXPIRY;
            found.expiry().is_none_or(|expiry| expiry > soon)
        };
        if let Some(found) = held.as_ref().filter(|found| is_fresh(found)) {
            return Ok(found.clone());
        }
        let found = self.provider.provide_credentials().await?;
        *held = Some(found.clone());
        Ok(found)
    }
}

impl CredentialProvider for AwsCredentials {
    type Credential = AwsCredential;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, object_store::Result<Arc<AwsCredential>>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let found = tokio::time::timeout(CREDENTIALS_TIME, self.credentials()).await;
            let found = found.map_err(|elapsed| elapsed.to_string());
            let found = found.and_then(|found| found.map_err(|error| causes(&error)));
            let found = found.map_err(|why| object_store::Error::Unauthenticated {
                path: "AWS credentials".into(),
                source: why.into(),
            })?;
            Ok(Arc::new(AwsCredential {
                key_id: found.access_key_id().into(),
                secret_key: found.secret_access_key().into(),
                token: found.session_token().map(String::from),
            }))
        })
    }
}

fn profile() -> String {
    match std::env::var("AWS_PROFILE") {
        Ok(name) if !name.is_empty() => format!("profile {name}, by AWS_PROFILE"),
        _ => "profile default".into(),
    }
}

fn none_found(bucket: &str) -> Error {
    Error::NotAuthorised(format!(
        "s3://{bucket}: no AWS credentials: looked for AWS_ACCESS_KEY_ID, in ~/.aws/config and ~/.aws/credentials ({}), for a \
         web identity, a container's role and an instance's role; run `aws configure` or `aws sso login`, or set AWS_PROFILE",
        profile()
    ))
}
