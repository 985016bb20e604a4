//! The stores that the object stores' own crate finds credentials for: Google's and Azure's.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::CredentialProvider;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use tokio::runtime::Handle;
use url::Url;

use crate::error::{Error, Result};
use crate::stores::address::endpoint;
use crate::stores::answers::StoreConnector;
use crate::stores::errors::{StoreError, StoreErrorKind, causes};
use crate::stores::google_identity::WorkloadIdentity;
use crate::stores::http::{CREDENTIALS_TIME, StoreAtOrigin, client_options, origin, retries};

const GOOGLE: &str = "https://storage.googleapis.com";
/// Where gcloud keeps a login, below the home folder.
const LOGIN: &str = ".config/gcloud/application_default_credentials.json";

pub async fn google(bucket: &str, handle: &Handle) -> Result<StoreAtOrigin> {
    let builder = GoogleCloudStorageBuilder::from_env();
    let base = builder.get_config_value(&GoogleConfigKey::BaseUrl);
    let given = base.map(|text| endpoint(&text, "GOOGLE_BASE_URL")).transpose()?;
    let at = given.as_ref().map_or(GOOGLE.to_string(), |(url, _)| origin(url));
    let is_given = [
        GoogleConfigKey::ServiceAccount,
        GoogleConfigKey::ServiceAccountKey,
        GoogleConfigKey::ApplicationCredentials,
    ]
    .iter()
    .any(|key| builder.get_config_value(key).is_some());
    let is_logged_in = std::env::var_os("HOME").is_some_and(|home| {
        let home = PathBuf::from(home);
        home.join(LOGIN).exists()
    });
    let shown = format!("gs://{bucket}");
    // A service account's key comes first, as for the crate.
    let has_key = [GoogleConfigKey::ServiceAccount, GoogleConfigKey::ServiceAccountKey]
        .iter()
        .any(|key| builder.get_config_value(key).is_some());
    let named = builder.get_config_value(&GoogleConfigKey::ApplicationCredentials);
    let login = || std::env::var("HOME").ok().map(|home| format!("{home}/{LOGIN}"));
    let file = named.or_else(login).filter(|_| !has_key);
    let identity = file
        .map(|path| WorkloadIdentity::read(&path, handle))
        .transpose()?
        .flatten();
    let builder = match identity {
        Some(identity) => builder.with_credentials(Arc::new(identity)),
        None => builder,
    };
    let builder = builder
        .with_bucket_name(bucket)
        .with_client_options(client_options(given.is_some_and(|(_, is_http)| is_http)))
        .with_retry(retries())
        .with_http_connector(StoreConnector::new(handle.clone()));
    let store = builder.build().map_err(|error| {
        Error::NotAuthorised(format!(
            "{shown}: cannot use the Google credentials: {}",
            causes(&error)
        ))
    })?;
    let looked = (!is_given && !is_logged_in).then_some(
        "no Google credentials: looked for GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default credentials and an \
         instance's account; run `gcloud auth application-default login`",
    );
    ask(&shown, store.credentials().as_ref(), looked).await?;
    Ok((Arc::new(store), at))
}

/// The az tool's names of what the object stores' crate calls otherwise.
const AZ_VARIABLES: [(&str, AzureConfigKey); 2] = [
    ("AZURE_STORAGE_ACCOUNT", AzureConfigKey::AccountName),
    ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
];
/// Where the emulator is, if it is elsewhere than usual.
const EMULATOR: &str = "AZURITE_BLOB_STORAGE_URL";

/// Where the emulator is usually.
const EMULATOR_AT: &str = "http://127.0.0.1:10000";

pub async fn azure(container: &str, url: &Url, handle: &Handle) -> Result<StoreAtOrigin> {
    let mut builder = MicrosoftAzureBuilder::from_env();
    for (variable, key) in AZ_VARIABLES {
        if let (None, Ok(value)) = (builder.get_config_value(&key), std::env::var(variable)) {
            builder = builder.with_config(key, value);
        }
    }
    let address = |text: Option<String>, named| text.map(|text| endpoint(&text, named)).transpose();
    let given = address(
        builder.get_config_value(&AzureConfigKey::Endpoint),
        "AZURE_STORAGE_ENDPOINT",
    )?;
    let emulator = address(std::env::var(EMULATOR).ok(), EMULATOR)?;
    let is_given = [
        AzureConfigKey::AccessKey,
        AzureConfigKey::ClientId,
        AzureConfigKey::FabricSessionToken,
        AzureConfigKey::FederatedTokenFile,
        AzureConfigKey::MsiEndpoint,
        AzureConfigKey::SasKey,
        AzureConfigKey::Token,
    ]
    .iter()
    .any(|key| builder.get_config_value(key).is_some());
    let is_emulator = builder.get_config_value(&AzureConfigKey::UseEmulator).as_deref() == Some("true");
    let account = builder.get_config_value(&AzureConfigKey::AccountName);
    let at = match (is_emulator, &given, &emulator) {
        (true, _, Some((emulator, _))) => origin(emulator),
        (true, _, None) => EMULATOR_AT.into(),
        (false, Some((given, _)), _) => origin(given),
        (false, None, _) => azure_origin(url, account.as_deref()),
    };
    let by_tool = !is_given && is_on_path("az");
    if by_tool {
        builder = builder.with_use_azure_cli(true);
    }
    builder = match url.username() {
        "" => builder.with_container_name(container),
        _ => builder.with_url(url.as_str()),
    };
    let shown = format!("az://{container}");
    let store = builder
        .with_client_options(client_options(given.is_some_and(|(_, is_http)| is_http)))
        .with_retry(retries())
        .with_http_connector(StoreConnector::new(handle.clone()))
        .build()
        .map_err(|error| {
            let why = causes(&error);
            Error::Usage(format!("{shown}: {why}: AZURE_STORAGE_ACCOUNT names the account"))
        })?;
    let looked = (!is_given && !is_emulator && !by_tool).then_some(
        "no Azure credentials: looked for AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, AZURE_CLIENT_ID and similar variables, the Azure \
         CLI (az) and a machine's identity; run `az login`",
    );
    ask(&shown, store.credentials().as_ref(), looked).await?;
    Ok((Arc::new(store), at))
}

/// Where an account of Azure is: named by the URL, such as `abfss://c@a.dfs.core.windows.net`, or else by the configuration.
fn azure_origin(url: &Url, account: Option<&str>) -> String {
    let host = url.host_str().unwrap_or_default();
    match (url.username(), host.split_once(".dfs.")) {
        ("", _) | (_, None) => format!("https://{}.blob.core.windows.net", account.unwrap_or_default()),
        (_, Some((account, rest))) => format!("https://{account}.blob.{rest}"),
    }
}

/// Asks for credentials before anything is done. `looked` says where, if none were found and only the machine itself is left
/// to ask.
async fn ask<C>(shown: &str, provider: &dyn CredentialProvider<Credential = C>, looked: Option<&str>) -> Result<()> {
    let asked = tokio::time::timeout(CREDENTIALS_TIME, provider.get_credential()).await;
    let why = match (asked, looked) {
        (Ok(Ok(_)), _) => return Ok(()),
        (_, Some(looked)) => looked.to_string(),
        (Ok(Err(error)), None) => {
            let trouble = StoreError::from_store(&error);
            if trouble.kind == StoreErrorKind::Unreachable {
                return Err(Error::Unreachable(format!(
                    "{shown}: the service that gives credentials cannot be reached: {}",
                    trouble.text
                )));
            }
            format!("cannot get credentials: {}", trouble.text)
        }
        (Err(_), None) => format!("no credentials within {} s", CREDENTIALS_TIME.as_secs()),
    };
    Err(Error::NotAuthorised(format!("{shown}: {why}")))
}

fn is_on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_of_azure_is_known_by_the_url_or_the_configuration() {
        let azure = |text: &str| azure_origin(&Url::parse(text).unwrap(), Some("mine"));
        assert_eq!(azure("az://c/p"), "https://mine.blob.core.windows.net");
        assert_eq!(
            azure("abfss://c@a.dfs.core.windows.net/p"),
            "https://a.blob.core.windows.net"
        );
        assert_eq!(
            azure("abfss://c@a.dfs.fabric.microsoft.com/p"),
            "https://a.blob.fabric.microsoft.com"
        );
    }
}
