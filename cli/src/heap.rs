//! glibc's heap, told once to keep few arenas.
//!
//! Owns: three settings of malloc for the long-running ingester.
//! Does not own: what is allocated, and how much (`ticklake_ingest::memory`).
//! Invariant: called before any thread is started. Windows of many megabytes pass from thread to thread; with an arena a
//! thread, each of them keeps the largest it has seen, which doubles the resident size and saves no time.

/// Makes memory that one thread freed serve the others.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "mallopt has no safe form; it takes two integers and is called before any thread starts")]
pub(crate) fn share_between_threads() {
    const ARENAS: libc::c_int = 2;
    /// glibc's largest: everything below it is kept for the next window instead of being mapped and cleared anew.
    const MMAP_FROM_BYTES: libc::c_int = 32 << 20;
    const KEPT_BYTES: libc::c_int = 64 << 20;
    // SAFETY: no pointers are passed, and no other thread runs.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MMAP_FROM_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// Other C libraries have no arenas.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share_between_threads() {}
