//! What subcommands print. A closed pipe (`huntd … | head`) ends the output, not the program.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};

/// How a listing is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Prints a line to stdout.
pub fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a line to stderr: progress, hints and errors.
pub fn print_note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error with its causes to stderr.
pub fn print_error(error: &anyhow::Error) {
    print_note(&format!("error: {error:#}"));
}

/// Whether stdout is read by a person rather than by a program.
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// A table without lines, as wide as the terminal allows.
pub(super) fn new_table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns);
    table
}
