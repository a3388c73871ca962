//! The page about the command line, from clap's own description of it.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};
use huntd::cli::{Cli, EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK};

use super::check_generated;

/// Text of a cell: one line, its bars escaped.
fn cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

/// `-f, --file <FILE>`.
fn words_of(arg: &Arg) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(arg.get_short().map(|short| format!("-{short}")));
    words.extend(arg.get_long().map(|long| format!("--{long}")));
    let takes_value = arg.get_num_args().is_some_and(|count| count.takes_values());
    let names = arg.get_value_names().unwrap_or_default();
    let value: Vec<String> = names.iter().map(|name| format!("<{name}>")).collect();
    match (words.is_empty(), takes_value) {
        (true, _) => value.join(" "),
        (false, true) => format!("{} {}", words.join(", "), value.join(" ")),
        (false, false) => words.join(", "),
    }
}

fn meaning_of(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    // Readers of Markdown take angle brackets for HTML.
    let mut text = cell(&help).replace('<', "&lt;");
    let takes_value = arg.get_num_args().is_some_and(|count| count.takes_values());
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| takes_value)
        .map(|value| {
            let name = value.get_name();
            match value.get_help() {
                Some(help) => format!("<br>`{name}`: {}", cell(&help.to_string())),
                None => format!("<br>`{name}`"),
            }
        })
        .collect();
    text.push_str(&values.concat());
    text
}

fn default_of(arg: &Arg) -> String {
    if !arg.get_num_args().is_some_and(|count| count.takes_values()) {
        return String::new();
    }
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    defaults.join(" ")
}

fn argument_rows(page: &mut String, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    page.push_str("\n| | what | default |\n|---|---|---|\n");
    for arg in arguments {
        let (words, what, default) = (words_of(arg), meaning_of(arg), default_of(arg));
        writeln!(page, "| `{}` | {what} | {default} |", cell(&words)).unwrap();
    }
}

fn subcommand(page: &mut String, command: &Command) {
    let name = command.get_name();
    let about = command.get_about().map(ToString::to_string);
    writeln!(page, "\n## huntd {name}\n").unwrap();
    writeln!(page, "{}.\n", about.unwrap_or_default()).unwrap();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    writeln!(page, "```text\n{usage}\n```").unwrap();
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && arg.get_id() != "help")
        .collect();
    argument_rows(page, &own);
    if let Some(after) = command.get_after_help() {
        writeln!(page, "\n```text\n{}\n```", after.to_string().trim()).unwrap();
    }
}

#[test]
fn the_page_about_the_command_line_is_what_clap_says() {
    let mut command = Cli::command();
    command.build();
    let mut page = "\
# The command line

Generated from the program; do not edit it. `huntd --help` and `huntd <command> --help` say the same.

Data goes to stdout, everything else to stderr. Times are RFC 3339, such as `2026-01-15T18:00:00Z`. Ids may be given as
they are listed.

## Options of every command
"
    .to_owned();
    let global: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .collect();
    argument_rows(&mut page, &global);
    page.push_str("\n## Environment\n\n| variable | the same as |\n|---|---|\n");
    for arg in &global {
        if let Some(variable) = arg.get_env() {
            let variable = variable.to_string_lossy();
            writeln!(page, "| `{variable}` | `{}` |", cell(&words_of(arg))).unwrap();
        }
    }
    page.push_str(
        "\nAn option counts more than its variable. The configuration may refer to any variable: \
         `${env:NAME}`.\n",
    );
    page.push_str("\n## Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in [
        (EXIT_OK, "It ran, and what it looked at is fine."),
        (
            EXIT_FAILED,
            "It ran, and something failed or was found wanting.",
        ),
        (
            EXIT_BAD_INPUT,
            "The input was bad: arguments, configuration, hunts, a query.",
        ),
    ] {
        writeln!(page, "| {code} | {meaning} |").unwrap();
    }
    for command in command.get_subcommands() {
        if command.get_name() != "help" {
            subcommand(&mut page, command);
        }
    }
    check_generated("docs/reference/cli.md", &page);
}
