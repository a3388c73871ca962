//! Times hunts over a folder of Parquet tables: `hunts DATA [--threads N] [--runs N] [--out DIR]
//! [--explain] FILE.kql…`. Each table is a folder of files. Prints a JSON line per hunt: the median
//! wall time, the least CPU time, and the peak of the process's memory while it ran; `--out` keeps
//! the answers as JSON lines.

#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(clippy::unwrap_used, reason = "a tool of the developers of this crate")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use kql::bind::Bound;
use kql::catalog::TableInfo;
use kql::types::{Column, ScalarType, Schema};
use kql_datafusion::parquet::{ParquetFile, ParquetTable};
use kql_datafusion::tables::{Table, Tables};
use kql_datafusion::types::{arrow_type, kql_type};
use kql_datafusion::{KqlContext, Limits, QueryStream, QueryTime, json};

/// What the program itself uses: decoding asks for large blocks all the time, which the system's
/// allocator gives back to the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    options.data = arguments.next().unwrap().into();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => options.threads = arguments.next().unwrap().parse().unwrap(),
            "--runs" => options.runs = arguments.next().unwrap().parse().unwrap(),
            "--memory-mib" => options.memory_mib = arguments.next().unwrap().parse().unwrap(),
            "--out" => options.out = Some(arguments.next().unwrap().into()),
            "--explain" => options.explain = true,
            file => options.files.push(file.into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(options));
}

struct Options {
    data: PathBuf,
    threads: usize,
    runs: usize,
    memory_mib: usize,
    out: Option<PathBuf>,
    explain: bool,
    files: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: PathBuf::new(),
            threads: 2,
            runs: 5,
            memory_mib: 1024,
            out: None,
            explain: false,
            files: Vec::new(),
        }
    }
}

async fn run(options: Options) {
    let tables: Arc<dyn Tables> = Arc::new(Folder::open(&options.data));
    let limits = Limits {
        target_partitions: options.threads,
        memory_bytes: options.memory_mib << 20,
        ..Limits::default()
    };
    let context = KqlContext::new(tables, limits).unwrap();
    for file in &options.files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        if options.explain {
            println!("{name}\n{}", explain(&context, &text).await);
            continue;
        }
        let mut walls = Vec::new();
        let mut processor = Vec::new();
        let mut starts = Vec::new();
        let mut binds = Vec::new();
        let mut rows = 0;
        reset_peak_memory();
        for round in 0..=options.runs {
            let (before, started) = (processor_time(), Instant::now());
            let bound = context.bind(&text);
            binds.push(started.elapsed());
            let stream = match start(&context, bound).await {
                Ok(stream) => stream,
                Err(what) => {
                    println!("{}", serde_json::json!({"query": name, "error": what}));
                    break;
                }
            };
            starts.push(started.elapsed());
            let schema = stream.schema.clone();
            let batches = match stream.collect().await {
                Ok(batches) => batches,
                Err(what) => {
                    let what = what.to_string();
                    println!("{}", serde_json::json!({"query": name, "error": what}));
                    break;
                }
            };
            if round > 0 {
                walls.push(started.elapsed());
                processor.push(processor_time().saturating_sub(before));
            } else if let Some(folder) = &options.out {
                write_answer(&folder.join(format!("{name}.ndjson")), &batches, &schema);
            }
            rows = batches.iter().map(RecordBatch::num_rows).sum();
        }
        if walls.is_empty() {
            continue;
        }
        let peak = peak_memory_mib();
        walls.sort();
        processor.sort();
        starts.sort();
        binds.sort();
        let seconds = |time: Duration| (time.as_secs_f64() * 100_000.0).round() / 100_000.0;
        println!(
            "{}",
            serde_json::json!({
                "query": name,
                "rows": rows,
                "wall_s": seconds(walls[walls.len() / 2]),
                "wall_min_s": seconds(walls[0]),
                "cpu_min_s": seconds(processor[0]),
                "bind_min_s": seconds(binds[0]),
                "start_min_s": seconds(starts[0]),
                "peak_rss_mb": peak,
            })
        );
    }
}

async fn start(context: &KqlContext, bound: Bound) -> Result<QueryStream, String> {
    let query = bound
        .query
        .ok_or_else(|| format!("{:?}", bound.diagnostics))?;
    let stream = context.stream(&query, time()).await;
    stream.map_err(|error| error.to_string())
}

async fn explain(context: &KqlContext, text: &str) -> String {
    let query = context.bind(text).query.unwrap();
    context.explain(&query, time()).await.unwrap()
}

fn time() -> QueryTime {
    QueryTime {
        now: 638_869_248_000_000_000,
        window: None,
    }
}

fn write_answer(path: &Path, batches: &[RecordBatch], schema: &Schema) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    let names: Vec<&str> = schema
        .columns()
        .iter()
        .map(|column| &*column.name)
        .collect();
    for batch in batches {
        for row in json::rows(batch, schema) {
            let object: BTreeMap<usize, (&str, serde_json::Value)> =
                names.iter().copied().zip(row).enumerate().collect();
            let fields: Vec<String> = object
                .values()
                .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(*name)))
                .collect();
            writeln!(file, "{{{}}}", fields.join(",")).unwrap();
        }
    }
}

fn reset_peak_memory() {
    // Absent elsewhere than on Linux, where the peak is that of the process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn peak_memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().split(' ').next()?.parse::<u64>().ok());
    peak.unwrap_or(0) / 1024
}

/// User and system time of the process, in the kernel's ticks of a hundredth of a second.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or("");
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks = |position: usize| -> u64 {
        fields
            .get(position)
            .and_then(|field| field.parse().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// The tables of a folder.
#[derive(Debug)]
struct Folder {
    tables: BTreeMap<String, Table>,
}

impl Folder {
    fn open(root: &Path) -> Self {
        let mut tables = BTreeMap::new();
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                tables.insert(name, table(&path));
            }
        }
        Self { tables }
    }
}

impl Tables for Folder {
    fn table(&self, name: &str) -> Option<Table> {
        self.tables.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }
}

fn table(folder: &Path) -> Table {
    let mut files = Vec::new();
    let mut schema: Option<SchemaRef> = None;
    for entry in fs::read_dir(folder).unwrap() {
        let path = std::path::absolute(entry.unwrap().path()).unwrap();
        let (file, file_schema) = ParquetFile::open(&path).unwrap();
        schema.get_or_insert(file_schema);
        files.push(file);
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let file_schema = schema.unwrap();
    let columns: Schema = file_schema
        .fields()
        .iter()
        .map(|field| {
            let ty = kql_type(field).unwrap_or(ScalarType::Dynamic);
            Column::new(field.name().as_str(), ty)
        })
        .collect();
    let provider = ParquetTable::new(columns.clone(), file_schema, files, cast);
    Table {
        info: TableInfo {
            schema: columns,
            time_column: Some("Timestamp".to_owned()),
        },
        provider: Arc::new(provider),
    }
}

fn cast(array: &ArrayRef, _: Option<ScalarType>, ty: ScalarType) -> Result<ArrayRef, String> {
    arrow::compute::cast(array, &arrow_type(ty)).map_err(|error| error.to_string())
}
