//! Prints what `huntd check` found.

use std::io::IsTerminal as _;

use kql::diagnostic::Colour;

use super::sarif;
use crate::cli::terminal::{print_line, print_note};
use crate::hunt::load::Examined;
use crate::problem::Problem;

/// How problems are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON array of problems with file, line and column
    Json,
    /// SARIF 2.1.0, which code hosts show beside the code
    Sarif,
}

/// Prints the problems; and how many there are, to people.
pub(super) fn print(found: &Examined, format: Format) {
    let problems = &found.problems;
    match format {
        Format::Json => {
            let list: Vec<_> = problems.iter().map(Problem::to_json).collect();
            print_line(&serde_json::Value::Array(list).to_string());
        }
        Format::Sarif => {
            let log = sarif::log(problems);
            let text = serde_json::to_string_pretty(&log).expect("a JSON value is JSON");
            print_line(&text);
        }
        Format::Text => {
            let colour = colour();
            for problem in problems {
                print_line(&problem.render_in(colour));
            }
            let errors = problems.iter().filter(|problem| problem.is_error()).count();
            let warnings = problems.len() - errors;
            print_note(&format!(
                "{}, {} in {}",
                count(errors, "error"),
                count(warnings, "warning"),
                count(found.files.len(), "file")
            ));
        }
    }
}

/// Colours for people who did not say that they want none.
fn colour() -> Colour {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !is_unwanted {
        Colour::On
    } else {
        Colour::Off
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
