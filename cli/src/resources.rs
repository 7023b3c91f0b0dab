//! What this process has used: CPU seconds and peak memory, read from `/proc`.
//!
//! Owns: reading and units. On a system without `/proc` the figures are absent, not zero.

/// CPU time of all threads so far, user and system, seconds.
pub(crate) fn cpu_seconds() -> Option<f64> {
    /// `USER_HZ`, fixed at 100 on every Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name, may hold blanks; fields 14 and 15 are counted after its closing bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// Largest resident set so far, MB (10^6 bytes).
pub(crate) fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kib * 1024.0 / 1e5).round() / 10.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn figures_are_never_absent_on_linux() {
        assert!(super::cpu_seconds().is_some());
        assert!(super::peak_rss_mb().is_some_and(|mb| mb > 1.0));
    }
}
