//! The examples in README.md and in the pages: configurations and hunts load, KQL binds, commands
//! parse, links lead somewhere.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use huntd::cli::{Cli, Command};
use huntd::hunt::load::{self, Examined};
use huntd::problem::{Problem, SourceFile};

use super::code_blocks;
use super::reference::AnySurroundings;
use crate::config::{defender_tables, rendered};

/// README.md and everything below `docs`.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths = vec![PathBuf::from("README.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// What is wrong with a text as a hunt.
fn problems_of_hunt(file_name: &str, text: &str) -> Vec<Problem> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file_name);
    std::fs::write(&path, text).unwrap();
    let mut found = Examined::default();
    load::examine_files(&[path], None, &defender_tables, &mut found);
    found.problems
}

#[test]
fn yaml_loads_as_configuration_or_hunt() {
    let mut seen = 0;
    for (path, page) in pages() {
        for block in code_blocks(&page, "yaml") {
            seen += 1;
            let is_hunt = block.lines().any(|line| line.starts_with("query:"));
            let problems = if is_hunt {
                problems_of_hunt("example.yaml", &block)
            } else {
                let file = SourceFile::new(path.clone(), block.clone());
                huntd::config::examine(file, &AnySurroundings).1
            };
            assert_eq!(rendered(&problems), "", "{}:\n{block}", path.display());
        }
    }
    assert!(seen >= 5, "{seen} blocks of YAML");
}

#[test]
fn kql_loads_as_a_hunt() {
    let mut seen = 0;
    for (path, page) in pages() {
        for block in code_blocks(&page, "kql") {
            seen += 1;
            let problems = problems_of_hunt("example.kql", &block);
            assert_eq!(rendered(&problems), "", "{}:\n{block}", path.display());
        }
    }
    assert!(seen >= 5, "{seen} blocks of KQL");
}

#[test]
fn commands_parse() {
    let mut seen = 0;
    for (path, page) in pages() {
        for block in code_blocks(&page, "sh") {
            for words in commands(&block) {
                let Some(words) = arguments(&words) else {
                    continue;
                };
                seen += 1;
                let text = words.join(" ");
                let cli = Cli::try_parse_from(words)
                    .unwrap_or_else(|error| panic!("{}: {text}\n{error}", path.display()));
                if let Command::Query(query) = cli.command
                    && let Some(kql) = query.text
                {
                    let problems = kql::syntax::parse(&kql).diagnostics;
                    assert!(
                        problems.is_empty(),
                        "{}: {kql}: {problems:?}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(seen >= 20, "{seen} commands");
}

/// The words of huntd's own command line, if the command is one.
fn arguments(words: &[String]) -> Option<Vec<String>> {
    let words: Vec<String> = words
        .iter()
        // SMTP_PASSWORD=… huntd serve
        .skip_while(|word| word.contains('=') && !word.starts_with('-'))
        .cloned()
        .collect();
    match words.first()?.as_str() {
        "huntd" => Some(words),
        "cargo" if words.get(1).is_some_and(|word| word == "run") => {
            let after = words.iter().position(|word| word == "--")?;
            let own = words[after + 1..].iter().cloned();
            Some(std::iter::once("huntd".to_owned()).chain(own).collect())
        }
        _ => None,
    }
}

/// The commands of a shell script with their words: what stands between ends of lines, pipes and
/// the like, without quotes, comments, redirections and here-documents.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        let push = |word: &mut Option<String>, commands: &mut Vec<Vec<String>>| {
            if let Some(word) = word.take() {
                commands.last_mut().unwrap().push(word);
            }
        };
        match c {
            '\'' | '"' => {
                let text = word.get_or_insert_default();
                text.extend(chars.by_ref().take_while(|next| *next != c));
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            '#' if word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            '<' if chars.next_if_eq(&'<').is_some() => {
                let end = chars.by_ref().take_while(|next| *next != '\n');
                let end = end.collect::<String>().trim_matches('\'').to_owned();
                push(&mut word, &mut commands);
                skip_here_document(&mut chars, &end);
                commands.push(Vec::new());
            }
            '>' | '<' => {
                push(&mut word, &mut commands);
                // What follows names a file.
                while chars.next_if(|next| *next == ' ').is_some() {}
                while chars.next_if(|next| !next.is_whitespace()).is_some() {}
            }
            '\n' | '|' | '&' | ';' => {
                push(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            c if c.is_whitespace() => push(&mut word, &mut commands),
            c => word.get_or_insert_default().push(c),
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

fn skip_here_document(chars: &mut impl Iterator<Item = char>, end: &str) {
    let mut line = String::new();
    for c in chars {
        if c != '\n' {
            line.push(c);
        } else if line == end {
            return;
        } else {
            line.clear();
        }
    }
}

#[test]
fn links_lead_to_files() {
    let link = regex::Regex::new(r"\]\(([^)#\s]+)(?:#[^)]*)?\)").unwrap();
    let mut missing = Vec::new();
    for (path, page) in pages() {
        let folder = path.parent().unwrap_or(Path::new(""));
        for found in link.captures_iter(&page) {
            let target = &found[1];
            if !target.contains("://") && !folder.join(target).exists() {
                missing.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "links to nothing:\n{missing:#?}");
}

#[test]
fn scripts_are_taken_apart() {
    let script = "huntd query --data t 'A |\n  take 1' | head # all\nX=1 huntd serve &\n\
                  cat > f <<'END'\nhuntd nonsense\nEND\nhuntd check \\\n  a.kql\n";
    let words: Vec<String> = commands(script)
        .iter()
        .filter_map(|words| arguments(words))
        .map(|words| words.join(" "))
        .collect();
    assert_eq!(
        words,
        [
            "huntd query --data t A |\n  take 1",
            "huntd serve",
            "huntd check a.kql"
        ]
    );
}
