//! SIGTERM and SIGINT: the first asks for a clean stop, the second ends the process at once (safe by the commit law).
//!
//! Owns: the stop flag, and which signal raised it.
//! Does not own: the exit codes (`exit`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{self, Failure};

/// A stop that signals ask for.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    by: Arc<OnceLock<SignalKind>>,
}

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::failed(format!("signals cannot be received: {e}")));
        let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let stop = Self { asked: Arc::default(), by: Arc::default() };
        let raised = stop.clone();
        tokio::spawn(async move {
            let first = either(&mut terminate, &mut interrupt).await;
            raised.by.get_or_init(|| first);
            raised.asked.store(true, Ordering::SeqCst);
            tracing::info!("stopping: what is gathered will be committed; a second signal ends at once");
            let second = either(&mut terminate, &mut interrupt).await;
            std::process::exit(exit::signalled(second).into());
        });
        Ok(stop)
    }

    /// The flag that the first signal raises.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// How a run ends that was not done yet.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.by.get().map_or(Ok(()), |signal| Err(Failure::signalled(*signal)))
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    }
}
