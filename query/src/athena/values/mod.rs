//! Values as text: reading them as Trino's literals and casts do.
//!
//! Owns: the text forms of dates, times, intervals, numbers, addresses, JSON.
//! Does not own: what a fault is called: a literal's is another than a cast's.
//! Invariant: pure; `None` where Trino says that the text is none.

pub(crate) mod address;
pub(crate) mod date;
pub(crate) mod float;
pub(crate) mod hyperloglog;
pub(crate) mod interval;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod like;
pub(crate) mod moment;
pub(crate) mod number;
pub(crate) mod special;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod zone;
