//! An answer as a file.
//!
//! Owns: which extension is which form, Parquet and Arrow files, that a file is there whole or not at all.
//! Does not own: the formats of text (`output`), what a column is called whose name is taken (`names`).
//! Invariant: under the file's name there is what was there before or the whole answer; what is being written lies
//! beside it under a hidden name, and goes when anything fails or the writing is dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use super::names::unique;
use super::{Format, write_result};
use crate::{QueryError, QueryResult};

/// A row group that is as large in memory is written.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text(Format),
    Parquet,
    Arrow,
}

/// The extensions, in the order in which they are told.
const KINDS: [(&str, Kind); 7] = [
    ("csv", Kind::Text(Format::Csv)),
    ("tsv", Kind::Text(Format::Tsv)),
    ("json", Kind::Text(Format::Json)),
    ("ndjson", Kind::Text(Format::Ndjson)),
    ("md", Kind::Text(Format::Markdown)),
    ("parquet", Kind::Parquet),
    ("arrow", Kind::Arrow),
];

impl Kind {
    fn of(path: &Path) -> Result<Self, QueryError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let known = KINDS.iter().find(|(known, _)| *known == extension);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let [others @ .., last] = KINDS.map(|(extension, _)| format!(".{extension}"));
            failed(path, &format!("its name must end in {} or {last}, which say how", others.join(", ")))
        })
    }
}

/// Writes a result to a file and gives the number of its rows; the file's extension says how: `.csv`, `.tsv`, `.json`,
/// `.ndjson`, `.md`, `.parquet` (zstd) or `.arrow` (an Arrow IPC file). A file that is there is replaced when the new one is
/// complete. A statement that has no columns makes no file. In Parquet and Arrow files, as in JSON, of columns of one name
/// the later ones are `name_2`, `name_3`, and so on.
///
/// # Errors
/// What goes wrong computing, and `File` when the file cannot be written; then no file is made or changed.
pub async fn write_file(result: QueryResult, path: &Path) -> Result<u64, QueryError> {
    let kind = Kind::of(path)?;
    if path.is_dir() {
        return Err(failed(path, &"it is a directory"));
    }
    if result.schema().fields().is_empty() {
        return Ok(0);
    }
    let (file, hidden) = Hidden::beside(path).map_err(|e| failed(path, &e))?;
    let (file, rows) = match kind {
        Kind::Text(format) => text(result, format, file, path).await?,
        Kind::Parquet | Kind::Arrow => {
            let schema = plain(&result.schema());
            columns(result, Columns::new(kind, file, &schema).map_err(|e| failed(path, &e))?, &schema, path).await?
        }
    };
    file.sync_all().and_then(|()| hidden.becomes(path)).map_err(|e| failed(path, &e))?;
    Ok(rows)
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> QueryError {
    QueryError::File(crate::error::one_line(&format!("{} cannot be written: {why}", path.display())))
}

async fn text(result: QueryResult, format: Format, file: File, path: &Path) -> Result<(File, u64), QueryError> {
    let mut out = BufWriter::new(file);
    let rows = write_result(result, format, &mut out).await.map_err(|error| match error {
        QueryError::Output(error) => failed(path, &error),
        other => other,
    })?;
    let file = out.flush().and_then(|()| out.into_inner().map_err(io::IntoInnerError::into_error));
    Ok((file.map_err(|e| failed(path, &e))?, rows))
}

async fn columns(
    mut result: QueryResult,
    mut writer: Columns,
    schema: &SchemaRef,
    path: &Path,
) -> Result<(File, u64), QueryError> {
    let mut rows = 0;
    while let Some(batch) = result.next().await? {
        rows += batch.num_rows() as u64;
        writer.write(&batch, schema).map_err(|e| failed(path, &e))?;
        tokio::task::yield_now().await;
    }
    Ok((writer.end().map_err(|e| failed(path, &e))?, rows))
}

/// The columns of a file: names each once, no marks, and values themselves where a batch has them by number in a dictionary,
/// of which an Arrow file can have but one a column.
pub(super) fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().zip(unique(schema.fields())).map(|(field, name)| {
        let data_type = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            other => other.clone(),
        };
        Field::new(name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A batch with the columns that `plain` says.
pub(super) fn with_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let values = batch.columns().iter().zip(schema.fields()).map(|(values, field)| {
        if values.data_type() == field.data_type() { Ok(Arc::clone(values)) } else { cast(values, field.data_type()) }
    });
    RecordBatch::try_new(Arc::clone(schema), values.collect::<Result<_, _>>()?)
}

/// A file of columns being written.
enum Columns {
    Parquet(Box<ArrowWriter<File>>),
    Arrow(Box<FileWriter<BufWriter<File>>>),
}

impl Columns {
    fn new(kind: Kind, file: File, schema: &SchemaRef) -> Result<Self, ArrowError> {
        if kind == Kind::Arrow {
            return Ok(Self::Arrow(Box::new(FileWriter::try_new(BufWriter::new(file), schema)?)));
        }
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        Ok(Self::Parquet(Box::new(ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))?)))
    }

    fn write(&mut self, batch: &RecordBatch, schema: &SchemaRef) -> Result<(), ArrowError> {
        let batch = with_schema(batch, schema)?;
        match self {
            Self::Arrow(writer) => writer.write(&batch),
            Self::Parquet(writer) => {
                writer.write(&batch)?;
                if writer.in_progress_size() >= ROW_GROUP_BYTES {
                    writer.flush()?;
                }
                Ok(())
            }
        }
    }

    fn end(self) -> Result<File, ArrowError> {
        match self {
            Self::Arrow(mut writer) => {
                writer.finish()?;
                Ok(writer.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?)
            }
            // Finishes by itself.
            Self::Parquet(writer) => Ok(writer.into_inner()?),
        }
    }
}

/// A file under a hidden name, which goes unless it becomes another.
struct Hidden {
    path: PathBuf,
    stays: bool,
}

impl Hidden {
    /// A new file in the folder of another.
    fn beside(path: &Path) -> io::Result<(File, Self)> {
        /// One program may write several at once.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = path.with_file_name(format!(".ticklake-{}-{count}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // A program of the same number left it when it was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return Ok((opened?, Self { path, stays: false })),
            }
        }
    }

    fn becomes(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.stays = true;
        Ok(())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.stays {
            // Nobody is there to be told.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
