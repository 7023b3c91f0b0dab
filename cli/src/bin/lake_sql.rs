//! The `lake-sql` binary: `ticklake sql` under the name people type.

fn main() -> std::process::ExitCode {
    ticklake_cli::lake_sql()
}
