//! The engine of a session, which may still be opening while somebody types.
//!
//! Owns: opening it on a task of its own, once more where that failed, waiting for it.
//! Does not own: opening itself (`Engine`), which version is read then (`lake`).
//! Invariant: who waits may turn away and come back: the opening goes on meanwhile.

use std::sync::{Arc, OnceLock};

use ticklake_lake::Lake;
use tokio::task::JoinHandle;

use crate::{Engine, EngineOptions, QueryError};

#[derive(Debug)]
pub(super) struct Opened {
    engine: Option<Engine>,
    opening: Option<JoinHandle<Result<Engine, QueryError>>>,
    /// How it is opened, where it is not given.
    how: Option<(Lake, EngineOptions)>,
    first: Arc<OnceLock<Engine>>,
}

impl Opened {
    pub(super) fn given(engine: Engine) -> Self {
        Self { first: Arc::new(OnceLock::from(engine.clone())), engine: Some(engine), opening: None, how: None }
    }

    /// Begins to open. Needs a runtime.
    pub(super) fn begin(lake: Lake, options: EngineOptions) -> Self {
        let mut opened = Self { engine: None, opening: None, how: Some((lake, options)), first: Arc::default() };
        opened.opening = opened.task();
        opened
    }

    fn task(&self) -> Option<JoinHandle<Result<Engine, QueryError>>> {
        let ((lake, options), first) = (self.how.clone()?, Arc::clone(&self.first));
        Some(tokio::spawn(async move {
            let engine = Engine::open(lake, options).await?;
            // Whoever was first is as good.
            let _ = first.set(engine.clone());
            Ok(engine)
        }))
    }

    /// What was opened first, once it is.
    pub(super) fn first(&self) -> Arc<OnceLock<Engine>> {
        Arc::clone(&self.first)
    }

    /// The engine, if it is there by now.
    pub(super) fn now(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// Reads from another one.
    pub(super) fn set(&mut self, engine: Engine) {
        self.engine = Some(engine);
    }

    /// The engine, waited for.
    ///
    /// # Errors
    /// As [`Engine::open`]; the next call tries again.
    pub(super) async fn get(&mut self) -> Result<Engine, QueryError> {
        if let Some(engine) = &self.engine {
            return Ok(engine.clone());
        }
        if self.opening.is_none() {
            self.opening = self.task();
        }
        let Some(opening) = &mut self.opening else {
            return Err(QueryError::Internal("a session has no lake".to_owned()));
        };
        let opened = opening.await;
        self.opening = None;
        let engine = opened.map_err(|e| QueryError::Internal(format!("opening the lake failed: {e}")))??;
        self.engine = Some(engine.clone());
        Ok(engine)
    }
}
