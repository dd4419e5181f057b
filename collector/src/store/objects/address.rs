//! From settings to a client of the right kind of object store.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::azure::{MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreScheme, RetryConfig};

use super::client::Connector;
use super::{ObjectError, ObjectStoreConfig};

/// What fails for longer is tried again in the next round, so that a round has an end.
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

/// A client, and the prefix of all keys.
pub(super) fn open(config: &ObjectStoreConfig) -> Result<(Arc<dyn ObjectStore>, Key), ObjectError> {
    let address = &config.url;
    let url = address.parse().map_err(|error| not_understood(address, &error))?;
    let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|error| not_understood(address, &error))?;
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::Local => Arc::new(LocalFileSystem::new()),
        ObjectStoreScheme::AmazonS3 => Arc::new(amazon(config)?),
        ObjectStoreScheme::GoogleCloudStorage => Arc::new(google(config)?),
        ObjectStoreScheme::MicrosoftAzure => Arc::new(azure(config)?),
        _ => return Err(not_understood(address, &"another scheme")),
    };
    Ok((store, prefix))
}

fn amazon(config: &ObjectStoreConfig) -> Result<AmazonS3, ObjectError> {
    let mut builder = AmazonS3Builder::from_env()
        .with_url(&config.url)
        .with_retry(retry())
        .with_http_connector(Connector::new(config)?);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(true);
    }
    if let Some(region) = &config.region {
        builder = builder.with_region(region);
    }
    // The configuration has both or none.
    if let (Some(id), Some(secret)) = (&config.access_key_id, &config.secret_access_key) {
        builder = builder.with_access_key_id(&id.0).with_secret_access_key(&secret.0);
    }
    Ok(builder.build()?)
}

fn google(config: &ObjectStoreConfig) -> Result<GoogleCloudStorage, ObjectError> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_url(&config.url)
        .with_retry(retry())
        .with_http_connector(Connector::new(config)?);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    Ok(builder.build()?)
}

fn azure(config: &ObjectStoreConfig) -> Result<MicrosoftAzure, ObjectError> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_url(&config.url)
        .with_retry(retry())
        .with_http_connector(Connector::new(config)?);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.clone()).with_allow_http(true);
    }
    if let (Some(account), Some(key)) = (&config.access_key_id, &config.secret_access_key) {
        builder = builder.with_account(&account.0).with_access_key(&key.0);
    }
    Ok(builder.build()?)
}

fn retry() -> RetryConfig {
    RetryConfig { max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() }
}

fn not_understood(address: &str, error: &dyn std::fmt::Display) -> ObjectError {
    ObjectError::Setting(format!(
        "`{address}` is no address of an object store ({error}): write s3://bucket/prefix, gs://bucket/prefix, \
         az://container/prefix or file:///folder"
    ))
}
