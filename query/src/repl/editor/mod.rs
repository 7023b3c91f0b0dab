//! What the prompt knows of the text being typed: what may come next, and what each piece of it is.
//!
//! Owns: completion, colours, the history on disk, and the editor's parts that show them.
//! Does not own: reading and answering statements (`prompt`), tokens and functions (`athena`).
//! Invariant: whatever the text and wherever the cursor, nothing here panics or takes more than time linear in the text.

mod candidates;
mod command;
mod complete;
mod equip;
mod external;
mod highlight;
mod history;
mod known;
mod marks;
mod scope;
mod sentence;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use equip::{Keys, equip, with_keys};
pub(crate) use external::edited;
pub(crate) use history::with_history;
