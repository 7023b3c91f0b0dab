//! The `ticklake` binary: hands the command line to `ticklake_cli` and its exit code to the system.

fn main() -> std::process::ExitCode {
    ticklake_cli::ticklake()
}
