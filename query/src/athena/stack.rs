//! Stack for what is as deep as a statement.
//!
//! Owns: how much a walk over a statement's tree, over its plan or over its values has.
//! Does not own: how deep a tree may be (`parse`).
//! Invariant: whatever thread asks, nothing that the parser lets through overflows the stack.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

/// What reading a statement and planning it may take: see `parse`.
const PLANNING_BYTES: usize = 96 << 20;
/// What one step of computing may take: a call's own frames, Arrow's for a nested type.
const COMPUTING_BYTES: usize = 512 << 10;

/// Reads or plans with enough stack.
pub(crate) fn planning<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(PLANNING_BYTES, PLANNING_BYTES + (16 << 20), work)
}

/// One step of a recursion over values; costs next to nothing while there is stack enough.
pub(crate) fn computing<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(COMPUTING_BYTES, 32 * COMPUTING_BYTES, work)
}

/// A future or a stream that has the stack of `planning` whenever it is polled.
pub(crate) struct Planning<W>(Pin<Box<W>>);

impl<W> Planning<W> {
    pub(crate) fn new(work: W) -> Self {
        Self(Box::pin(work))
    }
}

impl<W: Future> Future for Planning<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        planning(|| self.0.as_mut().poll(context))
    }
}

impl<W: Stream> Stream for Planning<W> {
    type Item = W::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<W::Item>> {
        planning(|| self.0.as_mut().poll_next(context))
    }
}
