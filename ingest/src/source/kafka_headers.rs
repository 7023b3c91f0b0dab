//! The headers of a message, as rdkafka hands them out.
//!
//! Owns: reading every header of a message, also where rdkafka would panic.
//! Does not own: where they go (`RawBatch`), what they mean (`lake::dead_letters`).
//! Invariant: no header stops the consumer. A name that is not UTF-8 costs that name and its value, nothing else.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use rdkafka::message::Headers;

use super::RawBatch;

/// Stands for a name that is not UTF-8, which rdkafka panics on instead of handing it out.
const UNREADABLE_NAME: &str = "\u{fffd}";

/// Appends a message's headers to the message pushed last.
pub(super) fn keep<H: Headers>(batch: &mut RawBatch, headers: Option<&H>) {
    each(headers, |name, value| batch.push_header(name, value));
}

/// Hands over name and value of every header, in order.
pub(super) fn each<H: Headers>(headers: Option<&H>, mut take: impl FnMut(&str, Option<&[u8]>)) {
    let Some(headers) = headers else { return };
    for at in 0..headers.count() {
        match quietly(|| headers.try_get(at)) {
            Some(Some(header)) => take(header.key, header.value),
            Some(None) => {}
            None => take(UNREADABLE_NAME, None),
        }
    }
}

/// What `read` gives, `None` when it panics. Of that nothing is printed: whoever can write to the topic could fill the log.
fn quietly<T>(read: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    thread_local! { static QUIET: Cell<bool> = const { Cell::new(false) } }
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let found = catch_unwind(AssertUnwindSafe(read));
    QUIET.set(false);
    found.ok()
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{Header, OwnedHeaders};

    use super::*;

    /// Headers of which one cannot be had, as rdkafka's own.
    struct Hostile(OwnedHeaders);

    impl Headers for Hostile {
        fn count(&self) -> usize {
            self.0.count() + 1
        }

        fn try_get(&self, at: usize) -> Option<Header<'_, &[u8]>> {
            assert!(at != 1, "not UTF-8");
            self.0.try_get(if at == 0 { 0 } else { at - 1 })
        }
    }

    #[test]
    fn a_hostile_header_never_stops_the_consumer_or_costs_its_neighbours() {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "a", value: Some(b"\xff".as_slice()) })
            .insert(Header { key: "a", value: None::<&[u8]> });
        let mut batch = RawBatch::default();
        batch.push(0, 7, None, None, None);
        keep(&mut batch, None::<&OwnedHeaders>);
        batch.push(0, 8, None, Some(b"key"), None);
        keep(&mut batch, Some(&Hostile(headers)));
        let found: Vec<_> = batch.headers_of(&batch.records[1]).collect();
        assert_eq!(
            found,
            [(b"a".as_slice(), Some(b"\xff".as_slice())), (UNREADABLE_NAME.as_bytes(), None), (b"a".as_slice(), None)]
        );
        assert_eq!(batch.headers_of(&batch.records[0]).count(), 0, "the message before has none");
    }
}
