//! The AWS settings of this process: region, endpoints, credentials, from the standard chain and variables.
//!
//! Owns: asking aws-config once, and handing its credentials to object_store.
//! Does not own: the Glue client's calls (`catalog/glue`).
//! Invariant: S3 and Glue use the same credentials; secrets are never printed.

use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::{ClientOptions, CredentialProvider, RetryConfig};

use crate::LakeError;

const REQUEST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
const RETRY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
const RETRIES_MAX: usize = 5;
const DEFAULT_REGION: &str = "us-east-1";

/// Loads the standard chain: `AWS_PROFILE`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, SSO, instance role, …
pub async fn load() -> SdkConfig {
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    if config.region().is_some() { config } else { config.into_builder().region(Region::from_static(DEFAULT_REGION)).build() }
}

/// A bucket as an object store, and the region it is looked for in.
///
/// # Errors
/// `Unavailable` without credentials, `Invalid` for a bucket or endpoint that cannot be.
pub async fn bucket(name: &str) -> Result<(AmazonS3, String), LakeError> {
    let config = load().await;
    let Some(provider) = config.credentials_provider() else {
        return Err(no_credentials(name, "the chain is empty"));
    };
    provider.provide_credentials().await.map_err(|e| no_credentials(name, &crate::error::one_line(&e)))?;
    let region = config.region().map_or(DEFAULT_REGION, |region| region.as_ref()).to_owned();
    let mut builder =
        AmazonS3Builder::new().with_bucket_name(name).with_region(&region).with_credentials(Arc::new(Chain(provider)));
    if let Some(endpoint) = endpoint("S3") {
        check_endpoint(&endpoint)?;
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false);
    }
    let store = limited(builder).build();
    let store = store.map_err(|e| LakeError::Invalid(format!("s3://{name}: {}", crate::error::one_line(&e))))?;
    Ok((store, region))
}

/// The client's limits. Its pauses between retries grow, with jitter. It repeats after 5xx, 429 and connections refused;
/// after an answer that got lost only what may be repeated: reads and plain writes, not a conditional one.
fn limited(builder: AmazonS3Builder) -> AmazonS3Builder {
    let client = ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT).with_allow_http(true);
    let retries = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    builder.with_client_options(client).with_retry(retries)
}

#[cfg(test)]
mod wire_tests;

/// The endpoint configured for a service, `AWS_ENDPOINT_URL_<SERVICE>` before `AWS_ENDPOINT_URL`; `None` is AWS itself.
pub fn endpoint(service: &str) -> Option<String> {
    let set = |name: String| std::env::var(name).ok().filter(|v| !v.is_empty());
    set(format!("AWS_ENDPOINT_URL_{service}")).or_else(|| set("AWS_ENDPOINT_URL".into()))
}

/// Refuses what the S3 client would panic over.
fn check_endpoint(endpoint: &str) -> Result<(), LakeError> {
    let url = url::Url::parse(endpoint).ok();
    let is_one = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_one && !endpoint.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(LakeError::Invalid(format!(
        "AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL) is {endpoint:?}, which is no address of a store; give one such as http://127.0.0.1:9000"
    )))
}

fn no_credentials(bucket: &str, why: &str) -> LakeError {
    LakeError::Unavailable {
        what: format!("s3://{bucket}"),
        why: format!("no AWS credentials ({why}); set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    }
}

/// aws-config's chain as object_store sees credentials; the chain caches and refreshes them.
#[derive(Debug)]
struct Chain(SharedCredentialsProvider);

#[async_trait::async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let found =
            self.0.provide_credentials().await.map_err(|e| object_store::Error::Generic { store: "S3", source: Box::new(e) })?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_none_is_never_given_to_the_client() {
        for wrong in ["localhost:9000", "127.0.0.1:9000", "nonsense", "http://", "http://a b", "ftp://a", "http://a:x"] {
            assert!(matches!(check_endpoint(wrong), Err(LakeError::Invalid(_))), "{wrong}");
        }
        for right in ["http://127.0.0.1:9000", "https://s3.eu-west-1.amazonaws.com", "http://[::1]:9000/"] {
            assert!(check_endpoint(right).is_ok(), "{right}");
        }
    }
}
