//! What a lake's address names: a folder of this machine, or a place in an object store. No store is asked here.

use std::path::PathBuf;

use url::{Host, Url};

use crate::error::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon S3 and what speaks its language.
    S3,
    Google,
    Azure,
}

impl Cloud {
    fn from_scheme(scheme: &str) -> Option<Cloud> {
        match scheme {
            "s3" | "s3a" => Some(Cloud::S3),
            "gs" => Some(Cloud::Google),
            "az" | "abfs" | "abfss" => Some(Cloud::Azure),
            _ => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Address {
    Folder(PathBuf),
    Store { cloud: Cloud, bucket: String, url: Url },
}

impl Address {
    /// `text`: a path, or a URL.
    pub fn parse(text: &str) -> Result<Address> {
        if !text.contains("://") {
            return Ok(Address::Folder(PathBuf::from(text)));
        }
        let scheme = text.split("://").next().unwrap_or_default();
        // Not repeated beyond that: what follows may hold a secret.
        let mut url = Url::parse(text).map_err(|error| Error::Usage(format!("{scheme}://…: not a URL: {error}")))?;
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
            return Err(Error::Usage(format!(
                "{scheme}://…: a folder, or a bucket and a path such as s3://bucket/path, without port, password or anything \
                 after ? or #"
            )));
        }
        let wrong = |problem: &str| Error::Usage(format!("{text}: {problem}"));
        if url.scheme() == "file" {
            let path = url
                .to_file_path()
                .map_err(|()| wrong("not a file URL of this machine"))?;
            return Ok(Address::Folder(path));
        }
        let cloud = Cloud::from_scheme(url.scheme());
        let not_known = || wrong("expected a folder, or a URL that begins with s3://, gs:// or az://");
        let cloud = cloud.ok_or_else(not_known)?;
        // abfss://container@account.dfs.core.windows.net/path names the account too.
        let bucket = match (cloud, url.username()) {
            (_, "") => url.host_str().unwrap_or_default(),
            (Cloud::Azure, container) => container,
            _ => return Err(wrong("expected a bucket without a user name")),
        };
        let bucket = bucket.to_string();
        if bucket.is_empty() {
            return Err(wrong("the bucket is missing; expected s3://bucket/path"));
        }
        let path = url.path().trim_end_matches('/').to_string();
        url.set_path(&path);
        Ok(Address::Store { cloud, bucket, url })
    }
}

/// An endpoint that data may go to, by HTTPS or on this machine, and whether it is HTTP. `named` says where it was found.
pub fn endpoint(text: &str, named: &str) -> Result<(Url, bool)> {
    let wrong = |problem: &str| Error::Usage(format!("the endpoint in {named} {problem}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must have no user name and no password"));
    }
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    };
    match url.scheme() {
        "https" => Ok((url, false)),
        "http" if is_loopback => Ok((url, true)),
        "http" => Err(wrong(
            "must begin with https:// unless it is on this machine, because others could read all data on the network",
        )),
        _ => Err(wrong("must begin with https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(text: &str) -> (Cloud, String, String) {
        match Address::parse(text).unwrap() {
            Address::Store { cloud, bucket, url } => (cloud, bucket, url.path().to_string()),
            Address::Folder(path) => panic!("{text} became the folder {}", path.display()),
        }
    }

    #[test]
    fn urls_name_a_cloud_a_bucket_and_a_path() {
        for (text, cloud, bucket, path) in [
            ("s3://b/runs/lake", Cloud::S3, "b", "/runs/lake"),
            ("s3://b/runs/lake/", Cloud::S3, "b", "/runs/lake"),
            ("s3a://b.with.dots", Cloud::S3, "b.with.dots", ""),
            ("gs://b/p", Cloud::Google, "b", "/p"),
            ("az://c/p", Cloud::Azure, "c", "/p"),
            ("abfss://c@a.dfs.core.windows.net/p", Cloud::Azure, "c", "/p"),
        ] {
            assert_eq!(store(text), (cloud, bucket.into(), path.into()), "{text}");
        }
    }

    #[test]
    fn what_has_no_scheme_is_a_folder() {
        for (text, folder) in [
            ("runs", "runs"),
            ("/a/b", "/a/b"),
            ("c:d", "c:d"),
            ("file:///a/b", "/a/b"),
        ] {
            assert_eq!(Address::parse(text).unwrap(), Address::Folder(folder.into()), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_wrong_usage_and_no_secret_is_repeated() {
        for wrong in [
            "https://b.s3.amazonaws.com/p",
            "s3:///p",
            "s3://u@b/p",
            "s3://AKIA:s3cret@b/p",
            "az://c/p?sig=s3cret",
            "file://elsewhere/p",
            "s3://b:9000/p",
        ] {
            let error = Address::parse(wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn http_is_for_this_machine_alone() {
        for (fine, is_http) in [
            ("https://minio.example.com", false),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000/", true),
            ("http://localhost:9000", true),
        ] {
            assert_eq!(endpoint(fine, "X").unwrap().1, is_http, "{fine}");
        }
        for wrong in [
            "http://minio.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1:9000",
            "https://u:p@h",
            "ftp://h",
            "minio:9000",
            "minio",
        ] {
            assert_eq!(endpoint(wrong, "X").unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
