//! Registering commits in the catalog beside the publishing of windows.
//!
//! Owns: the task that registers, and the hours waiting for it.
//! Does not own: what is registered and how it is made up for (`catalog/registrar`).
//! Invariant: a catalog that is slow or down never holds a commit back; what waits is bounded by the distinct hours.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::LakeError;
use crate::catalog::Registrar;
use crate::catalog::spec::Folder;

/// A running registration task.
pub(crate) struct Registration {
    wanted: mpsc::UnboundedSender<BTreeSet<Folder>>,
    task: JoinHandle<()>,
}

impl Registration {
    /// Starts the task, which brings the tables and everything committed before up to date first.
    pub(crate) fn start(registrar: Registrar) -> Self {
        let (wanted, inbox) = mpsc::unbounded_channel();
        let registration = Self { wanted, task: tokio::spawn(register(registrar, inbox)) };
        registration.want(BTreeSet::new());
        registration
    }

    /// Asks for the hours of a commit. Returns at once.
    pub(crate) fn want(&self, hours: BTreeSet<Folder>) {
        if self.wanted.send(hours).is_err() {
            tracing::warn!("the registration task has ended; run `ticklake catalog sync`");
        }
    }

    /// Registers what is still waiting, once more after a failure, and ends.
    pub(crate) async fn finish(self) {
        drop(self.wanted);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the registration task failed; run `ticklake catalog sync`");
        }
    }
}

async fn register(mut registrar: Registrar, mut inbox: mpsc::UnboundedReceiver<BTreeSet<Folder>>) {
    let mut behind = false;
    while let Some(mut hours) = inbox.recv().await {
        while let Ok(more) = inbox.try_recv() {
            hours.extend(more);
        }
        // After a failure the registrar derives everything from the log, so nothing has to be kept here.
        behind = attempt(&mut registrar, &hours).await;
    }
    if behind && attempt(&mut registrar, &BTreeSet::new()).await {
        tracing::warn!("Glue is still behind; run `ticklake catalog sync` when it is back");
    }
}

/// Whether the catalog is behind now.
async fn attempt(registrar: &mut Registrar, hours: &BTreeSet<Folder>) -> bool {
    match registrar.register(hours).await {
        Ok(_) => false,
        Err(error @ (LakeError::Unavailable { .. } | LakeError::Conflict { .. })) => {
            tracing::warn!(%error, "Glue is behind; it will be brought up to date from the log at the next window");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "Glue stays behind until that is put right; commits go on");
            true
        }
    }
}
