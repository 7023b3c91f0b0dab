//! SIGTERM and SIGINT: the first asks for a clean stop, the second ends the process at once (safe by the commit law).
//!
//! Owns: the stop flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

const INTERRUPTED: i32 = 130;

/// A flag that the first signal raises.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let listen = |kind| signal(kind).map_err(|e| Failure::failed(format!("signals cannot be received: {e}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        raised.store(true, Ordering::SeqCst);
        tracing::info!("stopping: what is gathered will be committed; a second signal ends at once");
        either(&mut terminate, &mut interrupt).await;
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}

async fn either(a: &mut Signal, b: &mut Signal) {
    tokio::select! { _ = a.recv() => {}, _ = b.recv() => {} }
}
