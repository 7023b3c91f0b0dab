//! Functions: which there are, and which a call means.
//!
//! Owns: the way from a call's name and arguments to a signature.
//! Does not own: the statement around the call (`analyze`).
//! Invariant: only what Trino has is here.

pub(crate) mod aggregate;
pub(crate) mod catalog;
pub(crate) mod resolve;
pub(crate) mod scalar;
pub(crate) mod signature;
mod text;
pub(crate) mod window;
