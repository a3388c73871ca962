//! Keeps ARCHITECTURE.md's import table and a few house rules true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Rows of the table under "Who may import whom": module → modules it may import; `*` is all.
fn import_table() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = text
        .split_once("## Who may import whom")
        .expect("the section is there");
    let backticked = |cell: &str| -> BTreeSet<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let mut table = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        for module in backticked(cells[1]) {
            table.insert(module, backticked(cells[2]));
        }
    }
    assert!(table.len() > 10, "the import table was not read: {table:?}");
    table
}

/// Name of the top-level module a file of `src` belongs to.
fn module_of(file: &Path) -> String {
    let relative = file.strip_prefix(root().join("src")).unwrap();
    let first = relative
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table = import_table();
    let import = regex::Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let mut mistakes = Vec::new();
    for file in rust_files(&root().join("src")) {
        let module = module_of(&file);
        if matches!(module.as_str(), "lib" | "main") || is_test(&file) {
            continue;
        }
        let Some(allowed) = table.get(&module) else {
            mistakes.push(format!("module `{module}` has no row in ARCHITECTURE.md"));
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for found in import.captures_iter(line) {
                let imported = &found[1];
                let fine =
                    imported == module || allowed.contains("*") || allowed.contains(imported);
                if !fine {
                    let place = file.strip_prefix(root()).unwrap().display();
                    mistakes.push(format!(
                        "{place}:{}: {module} imports {imported}",
                        number + 1
                    ));
                }
            }
        }
    }
    mistakes.dedup();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn is_test(file: &Path) -> bool {
    let name = file.file_stem().unwrap().to_string_lossy();
    name == "tests" || name == "suite" || file.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn every_module_starts_with_its_purpose() {
    let folders = ["src", "crates/kql/src", "crates/kql-datafusion/src"];
    for file in folders
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("//! "),
            "{} has no module documentation",
            file.display()
        );
    }
}

#[test]
fn the_front_end_knows_no_arrow() {
    let manifest = std::fs::read_to_string(root().join("crates/kql/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for unwanted in ["arrow", "datafusion", "tokio"] {
        assert!(
            !dependencies.contains(unwanted),
            "crates/kql depends on {unwanted}"
        );
    }
}
