//! The commit loop: making a window visible and recording its offsets in one atomic log entry.
//!
//! Owns: `TableWriter`, which carries a table's version and offsets forward so that a commit costs the same at any age.
//! Does not own: the law itself (`offsets`), files (`encode`, `publish`), what the caller does about Overlap or Gap.
//! Invariant: look before believing. Whatever a put answers, the entry at that version decides who won:
//! ours (by window id) -> we had won; someone else's -> fold it in, apply the law again, try the next version.

use std::collections::BTreeSet;

use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use object_store::ObjectStoreExt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::catalog::spec::Folder;
use crate::layout::Table;
use crate::patience::Tries;
use crate::tally::Conflict;
use crate::{Lake, LakeError, Offsets, SourceId, Span, actions, log, log_offsets};

/// What we sign files and commits with.
pub const ENGINE: &str = concat!("ticklake/", env!("CARGO_PKG_VERSION"));

const CHECKPOINT_EVERY_COMMITS: u64 = 100;
const CONFLICTS_MAX: u32 = 1000;

/// A data file that was uploaded and is about to become visible.
#[derive(Debug, Clone)]
pub struct AddFile {
    /// Name relative to the table's root.
    pub name: String,
    /// Size, bytes.
    pub size_bytes: usize,
    /// Partition column and value, outermost first.
    pub partition: Vec<(String, String)>,
    /// Statistics (`stats::of_file`).
    pub statistics: Value,
}

/// One commit to be made.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The window's id: how a writer recognises its own entry.
    pub window: Uuid,
    /// The source whose offsets advance.
    pub source: SourceId,
    /// The offsets the files account for.
    pub span: Span,
    /// The files.
    pub files: Vec<AddFile>,
}

/// The only writer of a table in this process.
#[derive(Debug)]
pub struct TableWriter {
    lake: Lake,
    table: Table,
    log: LogStoreRef,
    version: u64,
    offsets: Offsets,
    /// The `metaData` the next entry carries, because the table lacks columns of the contract.
    growth: Option<Value>,
    /// Hours that others' commits brought.
    foreign_hours: BTreeSet<Folder>,
    checkpoint: Option<tokio::task::JoinHandle<()>>,
}

enum Looked {
    Ours,
    NotThere,
    Theirs,
}

impl TableWriter {
    /// Opens a table for writing, creating it when absent.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`, or `Invalid` for a table of a newer or an incompatible contract.
    pub async fn open(lake: &Lake, table: Table, now_ms: i64) -> Result<Self, LakeError> {
        let delta = log::load_or_create(lake, table, now_ms).await?;
        let state = delta.snapshot().map_err(|e| log::delta_error(lake, table, &e))?;
        let growth = log::evolution(lake, table, state)?;
        let log = delta.log_store();
        let version = state.version();
        let offsets = log_offsets::read(lake, table, &log, version).await?;
        Ok(Self { lake: lake.clone(), table, log, version, offsets, growth, foreign_hours: BTreeSet::new(), checkpoint: None })
    }

    /// The newest version this writer knows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Where the log ends, as far as this writer knows.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Hours that others' commits brought since this was last asked, those met in lost races among them.
    pub(crate) fn take_foreign_hours(&mut self) -> BTreeSet<Folder> {
        std::mem::take(&mut self.foreign_hours)
    }

    /// Catches up with other writers.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`, `Invalid`.
    pub async fn refresh(&mut self) -> Result<(), LakeError> {
        let mut tries = Tries::new(self.lake.patience());
        while let Some(bytes) = self.read_entry(self.version + 1, &mut tries).await? {
            self.fold(self.version + 1, &bytes).await?;
        }
        Ok(())
    }

    /// Makes a commit and returns its version.
    ///
    /// # Errors
    /// `Overlap` or `Gap` by the law; `Unavailable` when storage stays down (call again with the same window: it is
    /// recognised if it had gone through); `Conflict` after very many lost races; `Corrupt`; `Invalid`.
    pub async fn commit(&mut self, commit: &Commit, now_ms: i64) -> Result<u64, LakeError> {
        let mut tries = Tries::new(self.lake.patience());
        self.look_behind(&mut tries).await?;
        for _ in 0..CONFLICTS_MAX {
            self.offsets.check(&commit.source, &commit.span)?;
            let version = self.version + 1;
            // Written anew each time: whoever was faster may have given the table its columns.
            let payload = CommitOrBytes::LogBytes(entry(commit, self.growth.as_ref(), now_ms).into());
            let Err(refused) = self.log.write_commit_entry(version, payload, commit.window).await else {
                return Ok(self.won(version, commit));
            };
            match self.look(version, commit.window, &mut tries).await? {
                Looked::Ours => {
                    self.lake.tally().conflict(Conflict::AmbiguousOurs);
                    return Ok(self.won(version, commit));
                }
                Looked::Theirs => self.lake.tally().conflict(Conflict::LostRace),
                Looked::NotThere => {
                    self.lake.tally().conflict(Conflict::AmbiguousAbsent);
                    if !tries.another().await {
                        return Err(self.lake.unavailable(&refused));
                    }
                }
            }
        }
        Err(LakeError::Conflict { table: self.table.name().to_owned(), attempts: CONFLICTS_MAX })
    }

    /// Makes sure that the log still has what this writer goes on from: an entry after one that is gone would be put into an
    /// empty place, for a table nobody could read.
    async fn look_behind(&self, tries: &mut Tries) -> Result<(), LakeError> {
        let (lake, table, version) = (&self.lake, self.table, self.version);
        let entry = table.log().join(format!("{version:020}.json"));
        loop {
            let error = match lake.store().head(&entry).await {
                Ok(_) => return Ok(()),
                // Old entries may be cleaned away once a checkpoint holds them.
                Err(object_store::Error::NotFound { .. }) if log_offsets::in_checkpoint(lake, table, version).await? => {
                    return Ok(());
                }
                Err(object_store::Error::NotFound { .. }) => return Err(gone(lake, table, version)),
                Err(error) => error,
            };
            if !tries.another().await {
                return Err(lake.unavailable(&error));
            }
        }
    }

    fn won(&mut self, version: u64, commit: &Commit) -> u64 {
        self.version = version;
        self.offsets.advance(&commit.source, &commit.span);
        self.growth = None;
        self.checkpoint_when_due();
        version
    }

    /// Who wrote an entry; someone else's is folded in.
    async fn look(&mut self, version: u64, window: Uuid, tries: &mut Tries) -> Result<Looked, LakeError> {
        let Some(bytes) = self.read_entry(version, tries).await? else {
            return Ok(Looked::NotThere);
        };
        if actions::are_of_window(&actions::parse(self.table, version, &bytes)?, window) {
            return Ok(Looked::Ours);
        }
        self.fold(version, &bytes).await?;
        Ok(Looked::Theirs)
    }

    async fn read_entry(&self, version: u64, tries: &mut Tries) -> Result<Option<bytes::Bytes>, LakeError> {
        loop {
            let error = match self.log.read_commit_entry(version).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            if !tries.another().await {
                return Err(log::delta_error(&self.lake, self.table, &error));
            }
        }
    }

    /// Takes someone else's entry into account and moves on to its version.
    async fn fold(&mut self, version: u64, bytes: &[u8]) -> Result<(), LakeError> {
        let mut revalidate = false;
        for action in actions::parse(self.table, version, bytes)? {
            log_offsets::fold_action(&mut self.offsets, &action);
            let hour = &action["add"]["partitionValues"];
            if let (Some(dt), Some(hour)) = (hour["dt"].as_str(), hour["hour"].as_str()) {
                self.foreign_hours.insert((dt.to_owned(), hour.to_owned()));
            }
            revalidate |= action.get("metaData").is_some() || action.get("protocol").is_some();
        }
        if revalidate {
            let Some(delta) = log::load(&self.lake, self.table).await? else {
                return Err(gone(&self.lake, self.table, version));
            };
            let state = delta.snapshot().map_err(|e| log::delta_error(&self.lake, self.table, &e))?;
            self.growth = log::evolution(&self.lake, self.table, state)?;
        }
        // Last: an entry that could not be checked is looked at again.
        self.version = version;
        Ok(())
    }

    /// Starts a checkpoint off the critical path; one at a time, and a failed one is only a slower open.
    fn checkpoint_when_due(&mut self) {
        if !self.version.is_multiple_of(CHECKPOINT_EVERY_COMMITS) || self.checkpoint.as_ref().is_some_and(|c| !c.is_finished()) {
            return;
        }
        let (lake, table) = (self.lake.clone(), self.table);
        self.checkpoint = Some(tokio::spawn(async move {
            if let Err(error) = log::checkpoint(&lake, table).await {
                tracing::warn!(table = table.name(), %error, "checkpoint not written; opening will be slower until the next");
            }
        }));
    }

    /// Waits for a checkpoint under way.
    pub async fn close(self) {
        if let Some(checkpoint) = self.checkpoint
            && let Err(error) = checkpoint.await
        {
            tracing::warn!(table = self.table.name(), %error, "checkpoint task failed");
        }
    }
}

fn gone(lake: &Lake, table: Table, version: u64) -> LakeError {
    LakeError::Gone {
        what: format!("{}/{}", lake.display(), table.name()),
        why: format!(
            "its log had version {version} and has it no more, so nothing is committed to it; put the lake back as it was, or start \
             again with a new --lake"
        ),
    }
}

/// The log entry of a commit, one action a line. With `growth` the files and the columns they bring appear at once.
fn entry(commit: &Commit, growth: Option<&Value>, now_ms: i64) -> String {
    let rows: u64 = commit.files.iter().filter_map(|f| f.statistics["numRecords"].as_u64()).sum();
    let bytes: usize = commit.files.iter().map(|f| f.size_bytes).sum();
    let mut lines = vec![json!({"commitInfo": {
        "timestamp": now_ms,
        "operation": "STREAMING UPDATE",
        "operationParameters": {"outputMode": "Append", "source": commit.source.name()},
        "operationMetrics": {"numAddedFiles": commit.files.len().to_string(), "numOutputRows": rows.to_string(), "numOutputBytes": bytes.to_string()},
        "engineInfo": ENGINE,
        "windowId": commit.window.to_string(),
    }})];
    lines.extend(growth.map(|metadata| json!({"metaData": metadata})));
    for (partition, _, to) in commit.span.iter() {
        lines.push(actions::txn(commit.source.app_id(partition), to, now_ms));
    }
    for (partition, gap) in commit.span.given_up() {
        lines.push(actions::txn(commit.source.gap_id(*partition, gap.from, gap.cause), gap.to, now_ms));
    }
    for file in &commit.files {
        let partition: serde_json::Map<String, Value> = file.partition.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        lines.push(json!({"add": {
            "path": file.name,
            "partitionValues": partition,
            "size": file.size_bytes,
            "modificationTime": now_ms,
            "dataChange": true,
            "stats": file.statistics.to_string(),
        }}));
    }
    actions::text(&lines)
}
