//! What the demo says in the end: figures, proof, two answers in SQL.
//!
//! Owns: the figures of a run and their two forms, the audit's verdict.
//! Does not own: the statements (`query::volatility`).

use std::io::Write;

use serde::Serialize;
use ticklake_query::told::{counted, grouped};
use ticklake_query::{Engine, run_statements, volatility};

use crate::args::DemoArgs;
use crate::exit::Failure;
use crate::screen;

/// Rows of an answer that are shown.
const ROWS_SHOWN: usize = 10;

/// What one run landed.
#[derive(Debug, Serialize)]
pub(crate) struct Landed {
    pub(crate) topic: String,
    pub(crate) produced: u64,
    pub(crate) committed: u64,
    pub(crate) dead_letters: u64,
    pub(crate) versions: u64,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) elapsed_s: f64,
    pub(crate) cpu_s: Option<f64>,
    pub(crate) peak_rss_mb: Option<f64>,
}

/// What the audit query found in the whole lake, this run and earlier ones.
#[derive(Debug, Serialize)]
pub(crate) struct Proof {
    duplicates: u64,
    missing: u64,
}

impl Proof {
    /// Whether exactly-once held.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.duplicates == 0 && self.missing == 0 {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "the audit found {} duplicates and {} missing ticks; please report it",
            self.duplicates, self.missing
        )))
    }
}

/// Audits the lake. Ticks of this run that the broker acknowledged and the lake does not hold count as missing.
pub(crate) async fn prove(engine: &Engine, landed: &Landed) -> Result<Proof, Failure> {
    let verdicts = crate::audit::of_tables(engine).await?.verdicts();
    let (ours, earlier): (Vec<_>, Vec<_>) = verdicts.iter().partition(|verdict| verdict.source == landed.topic);
    let held: u64 = ours.iter().map(|verdict| (verdict.ticks + verdict.dead_letters).saturating_sub(verdict.twice.count)).sum();
    let holes: u64 = earlier.iter().map(|verdict| verdict.holes).sum();
    Ok(Proof {
        duplicates: verdicts.iter().map(|verdict| verdict.twice.count + verdict.beyond.count).sum(),
        missing: holes + landed.produced.abs_diff(held),
    })
}

fn ticks_per_s(landed: &Landed) -> f64 {
    landed.committed as f64 / landed.elapsed_s.max(1e-9)
}

fn bytes_a_tick(landed: &Landed) -> f64 {
    landed.bytes as f64 / (landed.committed as f64).max(1.0)
}

/// One JSON object on stdout.
pub(crate) fn print_json(landed: &Landed, proof: &Proof) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Report<'a> {
        #[serde(flatten)]
        landed: &'a Landed,
        #[serde(flatten)]
        proof: &'a Proof,
        ticks_per_s: f64,
        bytes_per_tick: f64,
    }
    let report = Report { landed, proof, ticks_per_s: ticks_per_s(landed), bytes_per_tick: bytes_a_tick(landed) };
    let text = serde_json::to_string(&report).map_err(|e| Failure::failed(e.to_string()))?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// The report for people.
pub(crate) async fn print(args: &DemoArgs, engine: &Engine, landed: &Landed, proof: &Proof) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "What landed in {}", engine.lake().display())?;
    writeln!(out, "  produced      {:>12}  ticks of {} symbols, seed {}", grouped(landed.produced), args.symbols, args.seed)?;
    let shape = format!(
        "{}, {}, {:.1} bytes a tick",
        counted(landed.versions, "commit"),
        counted(landed.files, "file"),
        bytes_a_tick(landed)
    );
    writeln!(out, "  committed     {:>12}  {shape}", grouped(landed.committed))?;
    writeln!(out, "  dead letters  {:>12}", grouped(landed.dead_letters))?;
    let memory = landed.peak_rss_mb.map_or_else(String::new, |mb| format!(", peak memory {mb:.0} MB"));
    writeln!(out, "  seconds       {:>12.1}  {} ticks/s{memory}", landed.elapsed_s, grouped(ticks_per_s(landed) as u64))?;
    for name in ["daily_average", "hourly_realized_volatility"] {
        show(engine, name, Some(ROWS_SHOWN), &mut out).await?;
    }
    show(engine, "audit", None, &mut out).await?;
    let verdict = if proof.verdict().is_ok() { "every tick is there exactly once" } else { "NOT exactly once" };
    writeln!(out, "\n{} duplicates, {} missing: {verdict}.", proof.duplicates, proof.missing)?;
    let lake = engine.lake().display();
    writeln!(out, "Ask more with: lake-sql --lake {lake}")?;
    Ok(())
}

/// The statement as it is run, and its answer.
async fn show(engine: &Engine, name: &str, limit: Option<usize>, out: &mut (dyn Write + Send)) -> Result<(), Failure> {
    let statement = volatility::by_name(name)?;
    // The heads of the files explain at length; here the statement is enough.
    let body: Vec<&str> = statement.file.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let sql = match limit {
        Some(rows) => format!("{}\nLIMIT {rows}", body.join("\n").trim_end()),
        None => body.join("\n").trim_end().to_owned(),
    };
    writeln!(out, "\n-- {}\n{sql};\n", statement.head()?.estimator)?;
    run_statements(engine, &sql, screen::table(), out).await?;
    Ok(())
}
