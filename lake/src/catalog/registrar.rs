//! Registering new partitions as the ingester commits them.
//!
//! Owns: remembering what is registered, so that a window without a new hour costs no call.
//! Does not own: the commit (it is over when we are called), retrying at once (the next window is soon enough).
//! Invariant: after any failure, or a call that was dropped half-way, everything is derived from the log again;
//! so an outage delays registration and never loses a partition.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::spec::{self, Folder, LakeTables};
use super::sync::{Elsewhere, committed_folders, create_partitions, sync_with};
use super::{Catalog, PartitionSpec};
use crate::tally::Step;
use crate::{Lake, LakeError};

/// Longest time one registration may take; the next one goes on where it stopped.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(60);

/// Registers partitions of `stock_data_json`. The tables, too, at the first call and after a failure.
#[derive(Debug)]
pub struct Registrar {
    catalog: Arc<dyn Catalog>,
    database: String,
    url: Url,
    lake: Lake,
    /// `None` until everything was derived from the log, and again after a failure.
    registered: Option<BTreeSet<Folder>>,
}

impl Registrar {
    /// A registrar that knows nothing yet. Makes no call.
    pub fn new(catalog: Arc<dyn Catalog>, database: impl Into<String>, lake: Lake) -> Self {
        Self { catalog, database: database.into(), url: lake.url().clone(), lake, registered: None }
    }

    /// Makes sure that the folders of a commit are registered. How many partitions are new in the catalog.
    ///
    /// # Errors
    /// As [`super::sync`], and `Invalid` when a table belongs to another lake. Log it and go on: the next call makes up for it.
    pub async fn register(&mut self, folders: &BTreeSet<Folder>) -> Result<usize, LakeError> {
        let tally = self.lake.tally();
        match tally.timed(Step::Catalog, tokio::time::timeout(REGISTER_TIMEOUT, self.advance(folders))).await {
            Ok(done) => done,
            Err(_) => Err(LakeError::Unavailable {
                what: format!("Glue database {}", self.database),
                why: format!("registration took longer than {} s; it goes on with the next window", REGISTER_TIMEOUT.as_secs()),
            }),
        }
    }

    async fn advance(&mut self, folders: &BTreeSet<Folder>) -> Result<usize, LakeError> {
        // Taken first and put back last: an error, or a future dropped at any await, leaves `None`.
        let (created, registered) = match self.registered.take() {
            None => self.derive(folders).await?,
            Some(known) => self.extend(known, folders).await?,
        };
        self.registered = Some(registered);
        Ok(created)
    }

    /// Everything, from the log.
    async fn derive(&self, folders: &BTreeSet<Folder>) -> Result<(usize, BTreeSet<Folder>), LakeError> {
        LakeTables::of(&self.url)?;
        // Cheap, and in an outage it fails before the log is read.
        self.catalog.ensure_database(&self.database).await?;
        let mut all = committed_folders(&self.lake).await?;
        all.extend(folders.iter().cloned());
        let report = sync_with(self.catalog.as_ref(), &self.database, &self.url, &all, Elsewhere::Refuse).await?;
        Ok((report.created_partitions + report.relocated_partitions, all))
    }

    /// What is new.
    async fn extend(
        &self,
        mut known: BTreeSet<Folder>,
        folders: &BTreeSet<Folder>,
    ) -> Result<(usize, BTreeSet<Folder>), LakeError> {
        let new: Vec<&Folder> = folders.difference(&known).collect();
        if new.is_empty() {
            return Ok((0, known));
        }
        let json = LakeTables::of(&self.url)?.stock_data_json;
        let partitions: Vec<PartitionSpec> = new.iter().map(|folder| spec::partition(&json, folder)).collect();
        let created = create_partitions(self.catalog.as_ref(), &self.database, &json, &partitions).await?;
        known.extend(folders.iter().cloned());
        Ok((created, known))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::path::Path;

    use super::super::memory::{Call, Fault, MemoryCatalog};
    use super::*;
    use crate::layout::Table;

    fn hours(hours: &[&str]) -> BTreeSet<Folder> {
        hours.iter().map(|h| ("2024-05-01".to_owned(), (*h).to_owned())).collect()
    }

    /// A lake whose log holds these hours. It lies in memory, but is registered as if on S3.
    async fn lake(committed: &[&str]) -> Lake {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        crate::log::load_or_create(&lake, Table::StockData, 0).await.unwrap();
        commit(&lake, 1, committed).await;
        lake
    }

    async fn commit(lake: &Lake, version: u64, hours: &[&str]) {
        let adds = hours.iter().map(|hour| {
            serde_json::json!({"add": {
                "path": format!("dt=2024-05-01/hour={hour}/part-{version}.zstd.parquet"),
                "partitionValues": {"dt": "2024-05-01", "hour": hour},
                "size": 1, "modificationTime": 0, "dataChange": true,
            }})
        });
        let text: String = adds.map(|a| format!("{a}\n")).collect();
        let key = Path::from(format!("stock_data/_delta_log/{version:020}.json"));
        lake.store().put(&key, text.into()).await.unwrap();
    }

    fn registrar(catalog: &Arc<MemoryCatalog>, lake: Lake) -> Registrar {
        let catalog = Arc::clone(catalog) as Arc<dyn Catalog>;
        Registrar { url: Url::parse("s3://b/lake/").unwrap(), ..Registrar::new(catalog, "ticks", lake) }
    }

    #[tokio::test]
    async fn a_window_without_a_new_hour_never_costs_a_call() {
        let catalog = Arc::new(MemoryCatalog::new());
        let mut registrar = registrar(&catalog, lake(&["08", "09"]).await);
        assert_eq!(registrar.register(&hours(&["09"])).await.unwrap(), 2, "08 was committed before we were there");
        catalog.forget_calls();
        assert_eq!(registrar.register(&hours(&["08", "09"])).await.unwrap(), 0);
        assert_eq!(catalog.calls(), []);
        assert_eq!(registrar.register(&hours(&["09", "10"])).await.unwrap(), 1);
        assert_eq!(catalog.calls(), [Call::CreatePartitions]);
    }

    #[tokio::test]
    async fn an_outage_never_loses_a_partition() {
        let catalog = Arc::new(MemoryCatalog::new());
        let lake = lake(&["08"]).await;
        let mut registrar = registrar(&catalog, lake.clone());
        assert_eq!(registrar.register(&hours(&["08"])).await.unwrap(), 1);

        catalog.inject(Call::CreatePartitions, Fault::Outage);
        catalog.inject(Call::EnsureDatabase, Fault::Outage);
        for (version, hour) in [(2, "09"), (3, "10")] {
            commit(&lake, version, &[hour]).await;
            let error = registrar.register(&hours(&[hour])).await.unwrap_err();
            assert!(matches!(error, LakeError::Unavailable { .. }), "{error}");
        }
        commit(&lake, 4, &["11"]).await;
        assert_eq!(registrar.register(&hours(&["11"])).await.unwrap(), 3);
        assert_eq!(catalog.partition_values("ticks", "stock_data_json").len(), 4);
    }

    #[tokio::test]
    async fn an_answer_that_got_lost_never_creates_twice() {
        let catalog = Arc::new(MemoryCatalog::new());
        let mut registrar = registrar(&catalog, lake(&["08"]).await);
        catalog.inject(Call::CreateTable, Fault::AnswerLost);
        catalog.inject(Call::CreatePartitions, Fault::AnswerLost);
        assert!(registrar.register(&hours(&["08"])).await.is_err());
        assert!(registrar.register(&hours(&["08"])).await.is_err());
        assert_eq!(registrar.register(&hours(&["08"])).await.unwrap(), 0);
        assert_eq!(catalog.partition_values("ticks", "stock_data_json").len(), 1);
    }

    #[tokio::test]
    async fn the_ingester_never_takes_the_tables_of_another_lake() {
        let catalog = Arc::new(MemoryCatalog::new());
        let other = Url::parse("s3://prod/lake/").unwrap();
        sync_with(catalog.as_ref(), "ticks", &other, &hours(&["08"]), Elsewhere::Repoint).await.unwrap();
        let mut registrar = registrar(&catalog, lake(&["08"]).await);
        let error = registrar.register(&hours(&["08"])).await.unwrap_err().to_string();
        assert!(error.contains("s3://prod/lake/stock_data") && error.contains("catalog sync"), "{error}");
    }

    #[tokio::test]
    async fn a_lake_in_a_directory_is_told_apart_before_any_call() {
        let catalog = Arc::new(MemoryCatalog::new());
        let mut registrar = Registrar::new(Arc::clone(&catalog) as Arc<dyn Catalog>, "ticks", lake(&[]).await);
        assert!(matches!(registrar.register(&hours(&["08"])).await, Err(LakeError::Invalid(_))));
        assert_eq!(catalog.calls(), []);
    }
}
