//! Trying out a store: whether it does what commits need, and what its clock says.
//!
//! Owns: the trial under a scratch key of its own, which is removed again.
//! Does not own: what else a deployment needs (Kafka, Glue), printing (`cli`).
//! Invariant: no object of a lake is read, changed or listed among others' as if it were one.

use futures::TryStreamExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt, PutMode, PutPayload};
use uuid::Uuid;

use crate::clock::Clock;
use crate::layout::scratch_object;
use crate::{Lake, LakeError};

/// S3 refuses requests signed a quarter of an hour off; ticks count as from the future from five minutes on.
const SKEW_MAX_MS: i64 = 60_000;

/// Something that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// What was found, or what is wrong and what to do, one sentence each.
    pub found: Result<String, String>,
}

impl Check {
    /// A check and what came of it.
    pub fn new<E: std::fmt::Display>(name: &'static str, found: Result<String, E>) -> Self {
        Self { name, found: found.map_err(|e| e.to_string()) }
    }
}

/// Tries out a lake's store. What cannot be tried because an earlier step failed is left out.
pub fn probe<'a>(lake: &'a Lake, clock: &'a dyn Clock) -> BoxFuture<'a, Vec<Check>> {
    Box::pin(async move {
        let key = scratch_object(Uuid::new_v4());
        let before_ms = clock.now_ms();
        let written = create(lake, &key, "first").await.map_err(|e| lake.unavailable(&e));
        let mut checks = vec![Check::new("lake: put", written.map(|()| "an object can be written".to_owned()))];
        if checks[0].found.is_err() {
            return checks;
        }
        checks.push(Check::new("lake: list", listed(lake, &key).await));
        checks.push(Check::new("lake: conditional put", second_is_refused(lake, &key).await));
        checks.push(Check::new("lake: get", read_back(lake, &key).await));
        checks.push(Check::new("lake: clock", skew(lake, &key, before_ms).await));
        let removed = lake.store().delete(&key).await.map_err(|e| {
            format!("{}; `ticklake vacuum` needs it (s3:DeleteObject), ingest does not; {key} stays", lake.unavailable(&e))
        });
        checks.push(Check::new("lake: delete", removed.map(|()| "an object can be removed".to_owned())));
        checks
    })
}

async fn create(lake: &Lake, key: &Path, text: &'static str) -> object_store::Result<()> {
    lake.store().put_opts(key, PutPayload::from_static(text.as_bytes()), PutMode::Create.into()).await.map(|_| ())
}

async fn listed(lake: &Lake, key: &Path) -> Result<String, LakeError> {
    let folder: Path = key.parts().take(key.parts().count() - 1).collect();
    let found: Vec<_> = lake.store().list(Some(&folder)).try_collect().await.map_err(|e| lake.unavailable(&e))?;
    if found.iter().any(|object| object.location == *key) {
        return Ok("an object written is listed at once".into());
    }
    Err(LakeError::corrupt(lake.display(), format!("{key} was written and is not listed; use a store that is consistent")))
}

/// Two writers of one log entry: exactly the second must fail. Without it commits overwrite each other.
async fn second_is_refused(lake: &Lake, key: &Path) -> Result<String, LakeError> {
    match create(lake, key, "second").await {
        Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
            Ok("a second writer of one key is refused".into())
        }
        Err(e) => Err(lake.unavailable(&e)),
        Ok(()) => Err(LakeError::Invalid(format!(
            "{}: the store ignores If-None-Match, so two writers would overwrite each other's commits; \
             use one that honours it (AWS S3, MinIO, a directory)",
            lake.display()
        ))),
    }
}

async fn read_back(lake: &Lake, key: &Path) -> Result<String, LakeError> {
    let got = lake.store().get(key).await.map_err(|e| lake.unavailable(&e))?;
    let bytes = got.bytes().await.map_err(|e| lake.unavailable(&e))?;
    if bytes.as_ref() == b"first" {
        return Ok("an object reads as it was written".into());
    }
    Err(LakeError::corrupt(key.to_string(), "it does not hold what was written first; the store is not consistent"))
}

async fn skew(lake: &Lake, key: &Path, before_ms: i64) -> Result<String, LakeError> {
    let theirs = lake.store().head(key).await.map_err(|e| lake.unavailable(&e))?.last_modified.timestamp_millis();
    let skew_ms = theirs - before_ms;
    if skew_ms.abs() <= SKEW_MAX_MS {
        return Ok(format!("the store's clock and this machine's differ by less than {} s", skew_ms.abs() / 1000 + 1));
    }
    Err(LakeError::Invalid(format!(
        "this machine's clock and the store's differ by {} s; set this machine's by NTP (chrony, systemd-timesyncd)",
        skew_ms / 1000
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, SystemClock};

    #[tokio::test]
    async fn a_good_store_passes_and_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for place in [dir.path().to_str().unwrap(), "memory://"] {
            let lake = Lake::open_or_create(place).await.unwrap();
            let checks = probe(&lake, &SystemClock).await;
            assert_eq!(checks.len(), 6);
            assert!(checks.iter().all(|check| check.found.is_ok()), "{checks:?}");
            assert!(lake.store().list(None).try_collect::<Vec<_>>().await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_off_never_passes() {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        let checks = probe(&lake, &ManualClock::at(1_000_000_000)).await;
        let failed: Vec<_> = checks.iter().filter(|check| check.found.is_err()).map(|check| check.name).collect();
        assert_eq!(failed, ["lake: clock"]);
    }
}
