//! What subcommands print. A closed pipe (`huntd … | head`) ends the output, not the program.

use std::io::{IsTerminal as _, Write as _};

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
