//! A lake's place: a bucket prefix, a directory, or memory.
//!
//! Owns: reading a location, opening it, telling a lake from any other folder.
//! Does not own: keys inside it (`layout`), the Delta log (`log`).
//! Invariant: opening to read writes nothing; opening to write refuses a folder that holds something else.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use ticklake_schemas::{DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON};
use url::Url;

use crate::LakeError;
use crate::counted_store::CountedStore;
use crate::layout::Table;
use crate::patience::{Patience, Patient};
use crate::tally::Tally;

/// What S3, or the client of one that says nothing, calls a bucket of another region.
const REGION_WORDS: [&str; 4] =
    ["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException", "incorrectly configured region"];

/// An opened lake. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lake {
    url: Url,
    root: Arc<dyn ObjectStore>,
    store: Arc<PrefixStore<Arc<dyn ObjectStore>>>,
    patience: Patience,
    tally: Arc<Tally>,
    /// Where a bucket is looked for.
    region: Option<String>,
}

impl Lake {
    /// Opens an existing lake to read it.
    ///
    /// # Errors
    /// `Invalid` when the place is not a lake, `Unavailable` when it cannot be reached.
    pub fn open(location: &str) -> BoxFuture<'_, Result<Self, LakeError>> {
        Box::pin(async move {
            let url = parse_location(location)?;
            if let Ok(dir) = url.to_file_path()
                && !dir.is_dir()
            {
                return Err(not_a_lake(location, "there is no such directory"));
            }
            let lake = Self::connect(url).await?;
            if lake.holds(&Table::StockData.log()).await? {
                Ok(lake)
            } else {
                Err(not_a_lake(location, "it has no stock_data/_delta_log"))
            }
        })
    }

    /// Opens a lake to write it; an empty or absent place will become one with the first commit.
    ///
    /// # Errors
    /// `Invalid` when the place holds something else, `Unavailable` when it cannot be reached or written.
    pub fn open_or_create(location: &str) -> BoxFuture<'_, Result<Self, LakeError>> {
        Box::pin(async move {
            let url = parse_location(location)?;
            if let Ok(dir) = url.to_file_path() {
                std::fs::create_dir_all(&dir).map_err(|e| LakeError::Unavailable {
                    what: format!("lake {location}"),
                    why: format!("the directory cannot be made ({e}); choose another --lake"),
                })?;
            }
            let lake = Self::connect(url).await?;
            lake.refuse_strangers().await?;
            Ok(lake)
        })
    }

    async fn connect(url: Url) -> Result<Self, LakeError> {
        let invalid = |e: object_store::Error| LakeError::Invalid(format!("{url}: {}", crate::error::one_line(&e)));
        let mut region = None;
        let (root, prefix): (Arc<dyn ObjectStore>, Path) = match url.scheme() {
            "file" => (Arc::new(LocalFileSystem::new()), Path::from_url_path(url.path()).map_err(|e| invalid(e.into()))?),
            "memory" => (Arc::new(InMemory::new()), Path::from("lake")),
            _ => {
                let (bucket, looked_for_in) = crate::aws::bucket(url.host_str().unwrap_or_default()).await?;
                region = Some(looked_for_in);
                (Arc::new(bucket), Path::from_url_path(url.path()).map_err(|e| invalid(e.into()))?)
            }
        };
        Ok(Self { region, ..Self::at(url, root, prefix, Patience::default()) })
    }

    /// A lake at a prefix of a store, as if it lay at `url`.
    pub(crate) fn at(url: Url, root: Arc<dyn ObjectStore>, prefix: Path, patience: Patience) -> Self {
        let tally = Arc::new(Tally::default());
        let root: Arc<dyn ObjectStore> = Arc::new(Patient::new(root, patience.request_time_max));
        let root: Arc<dyn ObjectStore> = Arc::new(CountedStore::new(root, Arc::clone(&tally)));
        let store = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        Self { url, root, store, patience, tally, region: None }
    }

    /// What this process has asked of the lake.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// The lake's URL, with a trailing slash.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The lake as people wrote it: a path for a directory, else the URL.
    pub fn display(&self) -> String {
        let path = self.url.to_file_path().map(|p| p.display().to_string());
        path.unwrap_or_else(|()| self.url.to_string()).trim_end_matches('/').to_owned()
    }

    /// Objects by their key relative to the lake (see `layout`).
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store) as Arc<dyn ObjectStore>
    }

    /// How long to wait for the store.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// The whole store and the URL of a table in it, as delta-rs wants them.
    pub(crate) fn root(&self, table: Table) -> (Arc<dyn ObjectStore>, Url) {
        let base =
            if self.url.scheme() == "memory" { Url::parse("memory:///lake/").expect("a constant URL") } else { self.url.clone() };
        (Arc::clone(&self.root), base.join(&format!("{}/", table.name())).expect("a table name is a valid path segment"))
    }

    /// Objects in the folder and below it; none when there is no such folder.
    pub(crate) async fn objects(&self, folder: &str) -> Result<Vec<ObjectMeta>, LakeError> {
        match self.store.list(Some(&Path::from(folder))).try_collect().await {
            Ok(found) => Ok(found),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(e) => Err(self.unavailable(&e)),
        }
    }

    /// Whether the folder holds anything.
    pub(crate) async fn holds(&self, folder: &Path) -> Result<bool, LakeError> {
        match self.store.list(Some(folder)).next().await {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(object_store::Error::NotFound { .. })) => self.bucket_exists(folder).await.map(|()| false),
            Some(Err(e)) => Err(self.unavailable(&e)),
        }
    }

    /// A missing bucket and a missing folder both read as "not found" on a listing; a bucket we can name is an error.
    async fn bucket_exists(&self, folder: &Path) -> Result<(), LakeError> {
        match self.store.head(folder).await {
            Err(object_store::Error::NotFound { source, .. }) if source.to_string().contains("NoSuchBucket") => {
                Err(LakeError::Unavailable {
                    what: format!("lake {}", self.display()),
                    why: "the bucket does not exist; create it first".into(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Makes sure that this is a lake, or a place for one.
    ///
    /// # Errors
    /// `Invalid` when the place holds something else, `Unavailable` when it cannot be read.
    pub(crate) async fn refuse_strangers(&self) -> Result<(), LakeError> {
        match self.stranger().await? {
            None => Ok(()),
            Some(stranger) => Err(LakeError::Invalid(format!(
                "{} is not a lake and holds other things ({stranger}); give --lake an empty or new place",
                self.display()
            ))),
        }
    }

    /// The name of something in the root that is not a lake's, when there is no lake.
    async fn stranger(&self) -> Result<Option<String>, LakeError> {
        if self.holds(&Table::StockData.log()).await? {
            return Ok(None);
        }
        let listing = match self.store.list_with_delimiter(None).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            other => other.map_err(|e| self.unavailable(&e))?,
        };
        let folders = listing.common_prefixes.into_iter();
        let names =
            folders.chain(listing.objects.into_iter().map(|o| o.location)).filter_map(|p| p.filename().map(str::to_owned));
        Ok(names.into_iter().find(|n| ![STOCK_DATA, STOCK_DATA_JSON, DEAD_LETTERS].contains(&n.as_str())))
    }

    /// An `Unavailable` that names the lake and what to check.
    pub fn unavailable(&self, error: &dyn std::error::Error) -> LakeError {
        let why = crate::error::one_line(error);
        let elsewhere = self.region.as_deref().filter(|_| REGION_WORDS.iter().any(|words| why.contains(words)));
        let wrong_region = elsewhere.map(|region| {
            let right = element(&why, "Region").map_or("the bucket's", |region| region);
            format!("the bucket is not in region {region}; set AWS_REGION to {right}")
        });
        let hint = if let Some(hint) = &wrong_region {
            hint
        } else if why.contains("NoSuchBucket") {
            "the bucket does not exist; create it first"
        } else if ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403 Forbidden"].iter().any(|w| why.contains(w))
        {
            "the credentials were refused; check AWS_PROFILE or AWS_ACCESS_KEY_ID and the bucket's policy"
        } else if self.url.scheme() == "s3" {
            "the store did not answer; check AWS_ENDPOINT_URL_S3, AWS_REGION and the network"
        } else {
            "check the directory, its permissions and free space"
        };
        LakeError::Unavailable { what: format!("lake {}", self.display()), why: format!("{hint} ({})", service_words(&why)) }
    }
}

/// What an S3 error document says, without its XML; any other text as it is.
fn service_words(why: &str) -> String {
    match (element(why, "Code"), element(why, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => why.to_owned(),
    }
}

/// The text of an element of an S3 error document.
fn element<'a>(why: &'a str, name: &str) -> Option<&'a str> {
    Some(why.split_once(&format!("<{name}>"))?.1.split_once('<')?.0)
}

fn has_percent_code(path: &str) -> bool {
    path.as_bytes().windows(3).any(|w| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit())
}

fn not_a_lake(location: &str, why: &str) -> LakeError {
    LakeError::Invalid(format!(
        "{location} is not a lake: {why}; make one with `ticklake demo --lake …` or `ticklake ingest --lake …`"
    ))
}

/// Reads `s3://bucket/prefix`, `memory://`, `file://…` or a directory into a URL with a trailing slash.
///
/// # Errors
/// `Invalid` naming what is wrong.
pub fn parse_location(location: &str) -> Result<Url, LakeError> {
    let invalid =
        |why: &str| LakeError::Invalid(format!("lake location {location:?} {why}; give s3://bucket/prefix or a directory"));
    if location.trim().is_empty() {
        return Err(invalid("is empty"));
    }
    let mut url = if location.contains("://") {
        let url = Url::parse(location).map_err(|e| invalid(&format!("is not a URL ({e})")))?;
        match url.scheme() {
            "s3" if url.host_str().unwrap_or_default().is_empty() => return Err(invalid("names no bucket")),
            "s3" | "file" | "memory" => url,
            other => return Err(invalid(&format!("has scheme {other:?}, which is not supported"))),
        }
    } else if let Some((scheme, _)) = location.split_once(":/") {
        return Err(invalid(&format!("looks like a URL and has no // after {scheme}:")));
    } else {
        let path = std::path::absolute(PathBuf::from(location)).map_err(|e| invalid(&e.to_string()))?;
        if path.is_file() {
            return Err(invalid("is a file, not a directory"));
        }
        if has_percent_code(&path.to_string_lossy()) {
            return Err(invalid("holds %XX in its name, which readers of Delta tables take for another character"));
        }
        Url::from_directory_path(path).map_err(|()| invalid("is not an absolute path"))?
    };
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_urls_with_a_trailing_slash() {
        assert_eq!(parse_location("s3://b/p/q").unwrap().as_str(), "s3://b/p/q/");
        assert_eq!(parse_location("s3://b").unwrap().as_str(), "s3://b/");
        assert!(parse_location("./x").unwrap().as_str().ends_with("/x/"));
        for bad in ["", "pct%20x", "gs://b/p", "s3://", "s3:///p", "s3:/b"] {
            assert!(matches!(parse_location(bad), Err(LakeError::Invalid(_))), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_bucket_in_another_region_is_never_said_not_to_answer() {
        let lake = Lake { region: Some("us-east-1".into()), ..Lake::open_or_create("memory://").await.unwrap() };
        let said = |why: &str| lake.unavailable(&std::io::Error::other(why.to_owned())).to_string();
        let xml =
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message><Region>eu-west-1</Region>";
        for (why, right) in
            [(xml, "set AWS_REGION to eu-west-1 "), ("this indicates an incorrectly configured region", "the bucket's")]
        {
            let said = said(why);
            assert!(
                said.contains("not in region us-east-1") && said.contains(right) && !said.contains("did not answer"),
                "{said}"
            );
        }
    }

    #[tokio::test]
    async fn a_folder_of_other_things_is_never_written_into() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().to_str().unwrap();
        assert!(Lake::open_or_create(place).await.is_ok(), "an empty directory may become a lake");
        std::fs::write(dir.path().join("thesis.txt"), "x").unwrap();
        let error = Lake::open_or_create(place).await.unwrap_err().to_string();
        assert!(error.contains("thesis.txt"), "{error}");
        let error = Lake::open(place).await.unwrap_err().to_string();
        assert!(error.contains("not a lake"), "{error}");
    }
}
