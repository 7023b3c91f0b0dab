//! A store in memory that fails at one chosen call, for tests.
//!
//! Owns: counting the calls of one process, the fault at the k-th, taking turns with another process.
//! Does not own: what is then expected (`step_crash_tests`).
//! Invariant: a call is carried out whole or not at all; after a crash nothing is carried out any more.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Whether it is carried out all the same.
    pub(crate) applied: bool,
    /// What the caller hears.
    pub(crate) answer: Answer,
    /// How many calls after it fail, too, without being carried out.
    pub(crate) outage: usize,
}

/// What the caller of a failing call hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A refusal such as 500, 503 or a connection that is reset.
    Error,
    /// "It exists already" of a conditional write (409 while another is under way; 412 after a repeated request met its
    /// own work); of any other call as `Error`.
    Exists,
    /// A refusal; a write is carried out nevertheless, so many calls later, or when `wake` is called.
    Late(usize),
    /// Nothing, ever.
    Never,
    /// Nothing, for it is dead.
    Crash,
}

impl Fault {
    /// A fault of one call.
    pub(crate) const fn of(applied: bool, answer: Answer) -> Self {
        Self { applied, answer, outage: 0 }
    }

    /// Every way to fail.
    pub(crate) const ALL: [Self; 12] = [
        Self::of(false, Answer::Error),
        Self::of(true, Answer::Error),
        Self::of(false, Answer::Exists),
        Self::of(true, Answer::Exists),
        Self::of(false, Answer::Late(2)),
        Self::of(false, Answer::Late(usize::MAX)),
        Self::of(false, Answer::Never),
        Self::of(true, Answer::Never),
        Self::of(false, Answer::Crash),
        Self::of(true, Answer::Crash),
        Self { outage: 9, ..Self::of(false, Answer::Error) },
        Self { outage: 9, ..Self::of(true, Answer::Error) },
    ];
}

/// Calls of two processes, one process at a time: as many in a row as the seed says.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<Turn>,
    changed: Notify,
}

#[derive(Debug)]
struct Turn {
    whose: usize,
    left: u64,
    random: u64,
    gone: [bool; 2],
}

impl Turns {
    const CALLS_IN_A_ROW_MAX: u64 = 12;

    pub(crate) fn of_seed(seed: u64) -> Self {
        let turn = Turn { whose: (seed % 2) as usize, left: 1, random: seed, gone: [false; 2] };
        Self { state: Mutex::new(turn), changed: Notify::new() }
    }

    /// Waits until it is the process's turn, and takes a call of it.
    async fn take(&self, process: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut turn = self.state.lock().unwrap();
                if turn.gone[1 - process] {
                    return;
                }
                if turn.whose == process {
                    turn.left -= 1;
                    if turn.left == 0 {
                        turn.whose = 1 - process;
                        turn.left = 1 + splitmix(&mut turn.random) % Self::CALLS_IN_A_ROW_MAX;
                        self.changed.notify_waiters();
                    }
                    return;
                }
            }
            changed.await;
        }
    }

    /// The process makes no more calls.
    pub(crate) fn leave(&self, process: usize) {
        self.state.lock().unwrap().gone[process] = true;
        self.changed.notify_waiters();
    }
}

/// The next number of a sequence that a seed determines (Steele, Lea & Flood 2014).
pub(crate) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The store as one process sees it.
#[derive(Debug, Clone)]
pub(crate) struct FaultyStore {
    inner: Arc<InMemory>,
    process: Arc<Process>,
}

#[derive(Debug)]
struct Process {
    fault: Option<(usize, Fault)>,
    calls: AtomicUsize,
    dead: AtomicBool,
    crashed: Notify,
    late: Mutex<Option<(usize, Path, PutPayload, PutOptions)>>,
    turns: Option<(Arc<Turns>, usize)>,
}

impl FaultyStore {
    /// A store whose call of that number, counted from 0, fails.
    pub(crate) fn new(inner: Arc<InMemory>, fault: Option<(usize, Fault)>) -> Self {
        Self::in_turns(inner, fault, None)
    }

    /// As `new`, taking turns.
    pub(crate) fn in_turns(inner: Arc<InMemory>, fault: Option<(usize, Fault)>, turns: Option<(Arc<Turns>, usize)>) -> Self {
        let (calls, dead, late) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(None));
        Self { inner, process: Arc::new(Process { fault, calls, dead, crashed: Notify::new(), late, turns }) }
    }

    /// Calls made so far.
    pub(crate) fn calls(&self) -> usize {
        self.process.calls.load(Ordering::SeqCst)
    }

    /// Whether the fault was met.
    pub(crate) fn met_its_fault(&self) -> bool {
        self.process.fault.is_some_and(|(at, _)| self.calls() > at)
    }

    /// What the process comes to, its future dropped when it crashes: `None`.
    pub(crate) async fn unless_it_crashes<T>(&self, life: impl Future<Output = T>) -> Option<T> {
        let ended = tokio::select! {
            biased;
            () = self.process.crashed.notified() => None,
            ended = life => Some(ended),
        };
        ended.filter(|_| !self.process.dead.load(Ordering::SeqCst))
    }

    /// Carries out the write that is late, if there is one still.
    pub(crate) async fn wake(&self) {
        self.carry_out_what_is_due(usize::MAX).await;
    }

    async fn carry_out_what_is_due(&self, calls: usize) {
        let due = self.process.late.lock().unwrap().take_if(|(at, ..)| *at <= calls);
        if let Some((_, location, payload, opts)) = due {
            drop(self.inner.put_opts(&location, payload, opts).await);
        }
    }

    async fn arrive(&self) -> Option<Fault> {
        let fault = self.process.arrive().await;
        self.carry_out_what_is_due(self.calls()).await;
        fault
    }

    async fn meet<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.arrive().await {
            None => call.await,
            Some(fault) => {
                if fault.applied {
                    drop(call.await);
                }
                Err(self.process.end(fault, false).await)
            }
        }
    }

    /// A listing or deletion: one call, made when its first item is asked for.
    fn meet_stream<T: Send + 'static>(
        &self,
        open: impl FnOnce(&InMemory) -> BoxStream<'static, Result<T>> + Send + 'static,
    ) -> BoxStream<'static, Result<T>> {
        let store = self.clone();
        let opened = async move {
            match store.arrive().await {
                None => open(&store.inner),
                Some(fault) => {
                    let items = if fault.applied { open(&store.inner) } else { stream::empty().boxed() };
                    items.chain(stream::once(async move { Err(store.process.end(fault, false).await) })).boxed()
                }
            }
        };
        stream::once(opened).flatten().fuse().boxed()
    }
}

impl Process {
    /// Counts a call; the fault it meets, if any.
    async fn arrive(&self) -> Option<Fault> {
        if let Some((turns, me)) = &self.turns {
            turns.take(*me).await;
        }
        if self.dead.load(Ordering::SeqCst) {
            return Some(Fault::of(false, Answer::Error));
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Some((at, fault)) if at == call => Some(fault),
            Some((at, fault)) if (at..=at + fault.outage).contains(&call) => Some(Fault::of(false, Answer::Error)),
            _ => None,
        }
    }

    async fn end(&self, fault: Fault, create: bool) -> Error {
        match fault.answer {
            Answer::Exists if create => Error::AlreadyExists { path: "injected".into(), source: "409 or 412, injected".into() },
            Answer::Error | Answer::Exists | Answer::Late(_) => failed(),
            Answer::Never => std::future::pending().await,
            Answer::Crash => {
                self.dead.store(true, Ordering::SeqCst);
                self.crashed.notify_one();
                failed()
            }
        }
    }
}

fn failed() -> Error {
    Error::Generic { store: "faulty", source: "503 SlowDown, injected".into() }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = opts.mode == PutMode::Create;
        match self.arrive().await {
            None => self.inner.put_opts(location, payload, opts).await,
            Some(fault) => {
                if let Answer::Late(calls) = fault.answer {
                    let due = self.calls().saturating_add(calls);
                    *self.process.late.lock().unwrap() = Some((due, location.clone(), payload, opts));
                } else if fault.applied {
                    drop(self.inner.put_opts(location, payload, opts).await);
                }
                Err(self.process.end(fault, create).await)
            }
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.meet(self.inner.put_multipart_opts(location, opts)).await
    }

    /// An answer that is lost breaks off in its body.
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let Some(fault) = self.arrive().await else { return self.inner.get_opts(location, options).await };
        match self.inner.get_opts(location, options).await {
            Ok(GetResult { payload: GetResultPayload::Stream(pieces), meta, range, attributes }) if fault.applied => {
                let process = Arc::clone(&self.process);
                let broken = pieces.chain(stream::once(async move { Err(process.end(fault, false).await) }));
                Ok(GetResult { payload: GetResultPayload::Stream(broken.boxed()), meta, range, attributes })
            }
            _ => Err(self.process.end(fault, false).await),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.meet(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.meet_stream(move |inner| inner.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned();
        self.meet_stream(move |inner| inner.list(prefix.as_ref()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.meet(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.meet(self.inner.copy_opts(from, to, options)).await
    }
}
