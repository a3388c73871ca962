//! huntd as people install it: a folder with configuration, hunts and telemetry, in which a test
//! runs the binary. Everything ends and is removed with it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arrow::array::{Array as _, Int64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// How long a test waits for something before it says that it does not happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// A folder in which huntd runs.
#[derive(Debug)]
pub(crate) struct Installation {
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A `huntd serve` under way; killed when dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    log: PathBuf,
    /// Where in the log its own lines begin.
    from: usize,
}

impl Installation {
    /// With the configuration `config/huntd.yaml`, and no hunts.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installation = Self { folder };
        installation.write("config/huntd.yaml", config);
        std::fs::create_dir(installation.path("queries")).unwrap();
        std::fs::create_dir(installation.path("telemetry")).unwrap();
        installation
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn huntd(&self, arguments: &[&str]) -> Finished {
        let output = self.command().args(arguments).output().unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a command prints as JSON.
    pub(crate) fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let finished = self.huntd(&[arguments, &["--limit", "0", "--format", "json"]].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        match serde_json::from_str(&finished.stdout).unwrap() {
            Value::Array(items) => items,
            object => vec![object],
        }
    }

    /// Starts `huntd serve`.
    pub(crate) fn serve(&self) -> Serving {
        let log = self.path("serve.log");
        let mut options = OpenOptions::new();
        let file: File = options.create(true).append(true).open(&log).unwrap();
        let from = file.metadata().unwrap().len() as usize;
        let child = self
            .command()
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Serving { child, log, from }
    }

    /// Files below a folder, relative to it and sorted.
    pub(crate) fn files(&self, relative: &str) -> Vec<String> {
        let root = self.path(relative);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let relative = path.strip_prefix(&root).unwrap();
                    found.push(relative.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_huntd"));
        command.current_dir(self.folder.path());
        for variable in ["HUNTD_CONFIG", "HUNTD_LOG", "HUNTD_LOG_JSON"] {
            command.env_remove(variable);
        }
        command
    }
}

impl Serving {
    /// What it logged.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&bytes[self.from..]).into_owned()
    }

    /// Waits until it has logged `text`.
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        self.wait_for_log_after(0, text)
    }

    /// Waits until it has logged `text` after its first `skipped` bytes.
    pub(crate) fn wait_for_log_after(&mut self, skipped: usize, text: &str) -> String {
        eventually(&format!("the log says `{text}`"), || {
            let log = self.log();
            if log[skipped..].contains(text) {
                return Some(log[skipped..].to_owned());
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "huntd ended ({ended:?}): {}", self.log());
            None
        })
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as a power cut would: SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself. Its exit code and log.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = eventually("huntd ends", || self.child.try_wait().unwrap());
        (status.code(), self.log())
    }

    /// Asks it to stop, as an init system does, and waits until it has.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The values of a `long` column of a Parquet file.
pub(crate) fn longs(path: &Path, column: &str) -> Vec<i64> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut values = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let array = batch.column_by_name(column).unwrap();
        let array = array.as_any().downcast_ref::<Int64Array>().unwrap();
        values.extend(array.values().iter().copied());
    }
    values
}
