//! `huntd fmt`: puts the queries of hunts into their canonical form, or tells which are not.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use similar::TextDiff;

use super::terminal::{print_line, print_note};
use super::{EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, Global};
use crate::config;
use crate::hunt::document::may_hold_queries;
use crate::hunt::format::{self, Formatted};
use crate::hunt::load;
use crate::problem::{Problem, Problems, SourceFile};
use crate::yaml::ProcessSurroundings;

/// Lines that a difference shows around what changes.
const CONTEXT_LINES: usize = 2;
/// Most lines of a difference that are shown of one file.
const DIFF_LINES_MAX: usize = 60;

/// Arguments of `huntd fmt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Formatted are queries in .kql, .csl, .yaml (below `query: |`) and .md (fences that begin with ```kql
or ```kusto), and in .txt that is named; all else in these files stays as it is. A file with a
mistake in a query is told and left alone.

Examples:
  huntd fmt
  huntd fmt --check queries
  huntd fmt - < draft.kql")]
pub struct Args {
    /// Files, folders of them, or `-` for stdin to stdout [default: the hunts of the configuration]
    pub paths: Vec<PathBuf>,
    /// Write nothing; show what would change, and fail if something would
    #[arg(long)]
    pub check: bool,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Tally {
    changed: usize,
    unchanged: usize,
    left: usize,
    broken: usize,
    unreadable: usize,
}

/// Formats files in place; fails where a query has mistakes, or where `--check` finds changes.
pub fn run(args: &Args, global: &Global) -> anyhow::Result<ExitCode> {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if args.paths.iter().any(is_stdin) {
        if args.paths.len() > 1 {
            print_note("error: `-` stands alone: stdin cannot be formatted along with files");
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
        return format_stdin(args.check);
    }
    let mut tally = Tally::default();
    let mut files = BTreeSet::new();
    let (paths, is_wanted): (_, &dyn Fn(&Path) -> bool) = if args.paths.is_empty() {
        (configured_folders(&global.config)?, &load::is_hunt_file)
    } else {
        (args.paths.clone(), &is_formatted)
    };
    for path in paths {
        for (path, error) in load::find_files(&path, is_wanted, &mut files) {
            print_note(Problem::unreadable(&path, &error).render().trim_end());
            tally.unreadable += 1;
        }
    }
    for path in &files {
        match SourceFile::read(path) {
            Ok(file) => format_file(&file, args.check, &mut tally)?,
            Err(problem) => {
                print_note(problem.render().trim_end());
                tally.unreadable += 1;
            }
        }
    }
    print_note(&tally.summary(args.check));
    let failed = tally.broken > 0 || args.check && tally.changed > 0;
    Ok(ExitCode::from(match (tally.unreadable, failed) {
        (0, false) => EXIT_OK,
        (0, true) => EXIT_FAILED,
        _ => EXIT_BAD_INPUT,
    }))
}

/// Whether a file below a folder is formatted. Text may be anything: it has to be named.
fn is_formatted(path: &Path) -> bool {
    let is_text = path.extension().is_some_and(|extension| extension == "txt");
    may_hold_queries(path) && !is_text
}

fn configured_folders(path: &Path) -> Result<Vec<PathBuf>, Problems> {
    let file = SourceFile::read(path).map_err(|problem| Problems(vec![*problem]))?;
    let (loaded, problems) = config::examine(file, &ProcessSurroundings);
    // Its other mistakes were not asked for.
    let loaded = loaded.ok_or(Problems(problems))?;
    Ok(loaded.config.queries.clone())
}

fn format_stdin(check: bool) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read stdin")?;
    let file = SourceFile::new("<stdin>", text);
    match format::format(&file) {
        Ok(Formatted::Text(formatted)) if check => {
            let is_changed = *formatted != *file.text;
            if is_changed {
                print_difference(&file, &formatted);
            }
            Ok(ExitCode::from(if is_changed {
                EXIT_FAILED
            } else {
                EXIT_OK
            }))
        }
        Ok(Formatted::Text(formatted)) => {
            // A closed pipe ends the output, not the program.
            let _ = std::io::stdout().lock().write_all(formatted.as_bytes());
            Ok(ExitCode::from(EXIT_OK))
        }
        Ok(Formatted::Left(reason)) => {
            print_note(&format!("error: stdin cannot be formatted: {reason}"));
            Ok(ExitCode::from(EXIT_FAILED))
        }
        Err(problems) => {
            print_note(Problems(problems).to_string().trim_end());
            Ok(ExitCode::from(EXIT_FAILED))
        }
    }
}

fn format_file(file: &SourceFile, check: bool, tally: &mut Tally) -> anyhow::Result<()> {
    let path = file.path.display();
    match format::format(file) {
        Ok(Formatted::Text(formatted)) if *formatted == *file.text => tally.unchanged += 1,
        Ok(Formatted::Text(formatted)) => {
            tally.changed += 1;
            if check {
                print_difference(file, &formatted);
            } else {
                replace(&file.path, &formatted).with_context(|| format!("cannot write {path}"))?;
                print_line(&format!("formatted {path}"));
            }
        }
        Ok(Formatted::Left(reason)) => {
            tally.left += 1;
            print_note(&format!("note: {path} is left as it is: {reason}"));
        }
        Err(problems) => {
            tally.broken += 1;
            print_note(Problems(problems).to_string().trim_end());
        }
    }
    Ok(())
}

fn print_difference(file: &SourceFile, formatted: &str) {
    let path = file.path.display().to_string();
    let diff = TextDiff::from_lines(&*file.text, formatted);
    let mut unified = diff.unified_diff();
    let shown = unified
        .context_radius(CONTEXT_LINES)
        .header(&path, &format!("{path} (formatted)"))
        .to_string();
    let lines: Vec<&str> = shown.lines().collect();
    for line in lines.iter().take(DIFF_LINES_MAX) {
        print_line(line);
    }
    if let Some(more) = lines
        .len()
        .checked_sub(DIFF_LINES_MAX)
        .filter(|more| *more > 0)
    {
        print_line(&format!("… {more} more lines"));
    }
}

/// Replaces a file as a whole, so that a crash leaves the old text or the new one. A link goes on
/// pointing to its file, which keeps its permissions.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let permissions = std::fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, so that no walk over hunts takes it for one.
    let aside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written =
        write_aside(&aside, text, permissions).and_then(|()| std::fs::rename(&aside, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

fn write_aside(path: &Path, text: &str, permissions: std::fs::Permissions) -> std::io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.set_permissions(permissions)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl Tally {
    fn summary(&self, check: bool) -> String {
        let changed = if check { "would change" } else { "formatted" };
        let files = self.changed + self.unchanged + self.left + self.broken + self.unreadable;
        let noun = if files == 1 { "file" } else { "files" };
        let mut parts = vec![
            format!("{files} {noun}"),
            format!("{} {changed}", self.changed),
        ];
        for (count, what) in [
            (self.left, "left aside"),
            (self.broken, "with mistakes"),
            (self.unreadable, "not readable"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join(", ")
    }
}
