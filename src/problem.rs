//! A mistake in a file that people write: where it is, what it is, what to do about it.

pub mod codes;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kql::diagnostic::{Colour, Diagnostic, Place, Severity};
use kql::span::{LineIndex, Position, Span};
use serde_json::json;

/// Codes of problems in configuration and hunt files; those of queries begin with `KQL`.
pub mod code {
    /// Not readable as YAML.
    pub const SYNTAX: &str = "CFG101";
    /// A key that does not exist.
    pub const UNKNOWN_KEY: &str = "CFG102";
    /// A list where a text is needed, and the like.
    pub const WRONG_TYPE: &str = "CFG103";
    /// None of the allowed words.
    pub const NOT_ALLOWED: &str = "CFG104";
    /// A key that must be given.
    pub const MISSING_KEY: &str = "CFG105";
    /// A key given twice.
    pub const DUPLICATE_KEY: &str = "CFG106";
    /// A value that cannot be used: a cron expression, a duration, a template, …
    pub const INVALID_VALUE: &str = "CFG107";
    /// An environment variable or a file that cannot be read.
    pub const UNRESOLVED: &str = "CFG108";
    /// A secret written out.
    pub const LITERAL_SECRET: &str = "CFG109";
    /// A source, action or hunt that does not exist.
    pub const UNKNOWN_NAME: &str = "CFG110";
    /// A file or folder that cannot be read.
    pub const UNREADABLE: &str = "CFG111";
    /// Two hunts of one name.
    pub const DUPLICATE_HUNT: &str = "CFG112";
    /// A column that the result does not have.
    pub const UNKNOWN_COLUMN: &str = "CFG113";
    /// Right, but not possible here.
    pub const UNSUPPORTED: &str = "CFG114";
    /// A key that a rule of Sentinel needs.
    pub const SENTINEL_MISSING: &str = "CFG201";
    /// A value that Sentinel does not accept.
    pub const SENTINEL_VALUE: &str = "CFG202";
}

/// Larger files are not read: nobody wrote them.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// How much of a file is searched for what no text has.
const SNIFFED_BYTES: usize = 8192;

/// A text that people wrote, with its path.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as given.
    pub path: PathBuf,
    /// All of it.
    pub text: Arc<str>,
    /// Where its lines begin, found out when it is first asked for.
    lines: Arc<OnceLock<LineIndex>>,
}

impl SourceFile {
    /// A file with this text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            lines: Arc::default(),
        }
    }

    /// Reads a file; the problem says why it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Box<Problem>> {
        let unreadable = |error| Box::new(Problem::unreadable(path, &error));
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > FILE_BYTES_MAX {
            let limit = FILE_BYTES_MAX >> 20;
            let error = std::io::Error::other(format!("it is larger than {limit} MiB"));
            return Err(unreadable(error));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let is_binary = bytes.iter().take(SNIFFED_BYTES).any(|byte| *byte == 0);
        match String::from_utf8(bytes) {
            Ok(text) if !is_binary => Ok(Self::new(path, text)),
            Ok(text) => Err(Box::new(not_text(path, text.as_bytes(), 0, is_binary))),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Err(Box::new(not_text(path, error.as_bytes(), at, is_binary)))
            }
        }
    }

    /// Where its lines begin.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }

    /// The file as it may be shown: problems show their line, which must not have a secret in it.
    #[must_use]
    pub fn without_secrets(self, problems: &[Diagnostic]) -> Self {
        let mut bytes = self.text.as_bytes().to_vec();
        let literal = problems
            .iter()
            .filter(|problem| problem.code == code::LITERAL_SECRET);
        for problem in literal {
            if let Some(secret) = bytes.get_mut(problem.span.range()) {
                secret.fill(b'*');
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self::new(self.path, text)
    }

    /// A problem about a place of this file.
    pub fn problem(&self, diagnostic: Diagnostic) -> Problem {
        Problem {
            file: self.clone(),
            diagnostic,
        }
    }
}

/// A file that is no UTF-8 text from offset `at` on.
fn not_text(path: &Path, bytes: &[u8], at: usize, is_binary: bool) -> Problem {
    let shown = path.display();
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    if is_utf16 || is_binary {
        let what = if is_utf16 {
            "UTF-16 text"
        } else {
            "not a text"
        };
        let message = format!("cannot read {shown}: it is {what}");
        let mut problem = Diagnostic::error(code::UNREADABLE, Span::default(), message);
        problem.help = is_utf16.then(|| "save it as UTF-8".to_owned());
        return SourceFile::new(path, "").problem(problem);
    }
    let text = String::from_utf8_lossy(bytes);
    let message = format!("cannot read {shown}: byte {:#04x} is not UTF-8", bytes[at]);
    let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
    let problem = Diagnostic::error(code::UNREADABLE, span, message);
    SourceFile::new(path, text).problem(problem.with_help("save the file as UTF-8"))
}

/// A mistake in a file.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The file.
    pub file: SourceFile,
    /// What is wrong; its span counts bytes of the file.
    pub diagnostic: Diagnostic,
}

impl Problem {
    /// A file that cannot be read.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let message = format!("cannot read {}: {error}", path.display());
        let diagnostic = Diagnostic::error(code::UNREADABLE, kql::span::Span::default(), message);
        SourceFile::new(path, "").problem(diagnostic)
    }

    /// Whether it is more than a warning.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }

    /// Where it begins and ends.
    pub fn positions(&self) -> (Position, Position) {
        let at = |offset| self.file.lines().position(&self.file.text, offset);
        (at(self.diagnostic.span.start), at(self.diagnostic.span.end))
    }

    /// Message with its line and a caret, or only the message where the file is not readable.
    pub fn render(&self) -> String {
        self.render_in(Colour::Off)
    }

    /// The same with colours, if they are on.
    pub fn render_in(&self, colour: Colour) -> String {
        let Diagnostic {
            severity,
            code,
            message,
            help,
            ..
        } = &self.diagnostic;
        if *code == code::UNREADABLE && self.file.text.is_empty() {
            let help = help.iter().map(|help| format!("  = help: {help}\n"));
            let help: String = help.collect();
            return format!("{}[{code}]: {message}\n{help}", severity.as_str());
        }
        let origin = self.file.path.display().to_string();
        let place = Place {
            origin: &origin,
            text: &self.file.text,
            lines: self.file.lines(),
        };
        self.diagnostic.render_in(place, colour)
    }

    /// The message with its notes and help behind it.
    pub fn message_with(&self, separator: &str) -> String {
        let mut message = self.diagnostic.message.clone();
        for note in &self.diagnostic.notes {
            message.push_str(separator);
            message.push_str(note);
        }
        if let Some(help) = &self.diagnostic.help {
            message.push_str(separator);
            message.push_str("help: ");
            message.push_str(help);
        }
        message
    }

    /// As `check --format json` prints it.
    pub fn to_json(&self) -> serde_json::Value {
        let (start, end) = self.positions();
        let message = self.message_with("; ");
        json!({
            "file": self.file.path.display().to_string(),
            "line": start.line,
            "column": start.column,
            "end_line": end.line,
            "end_column": end.column,
            "severity": self.diagnostic.severity.as_str(),
            "code": self.diagnostic.code,
            "message": message,
        })
    }
}

/// Everything that is wrong, rendered; an error of the calls that load files.
#[derive(Clone, Debug)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether one of them is more than a warning.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Problem::is_error)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            f.write_str(problem.render().trim_end())?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
