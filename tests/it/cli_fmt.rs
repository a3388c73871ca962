//! `fmt` through the binary: what it writes, what it leaves alone, and its exit codes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const HEADER: &str = "// ---\n// name:  spaced   out\n// ---\n";
const UGLY: &str = "T|where a==1 // why\n|take 5";
const NEAT: &str = "T\n| where a == 1 // why\n| take 5\n";
const BROKEN: &str = "T\n| were  a==1\n";

fn huntd(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huntd"));
    command
        .args(arguments)
        .env_remove("HUNTD_CONFIG")
        .current_dir(folder);
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    huntd(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with hunts, good and bad, and a configuration that names it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let hunts = folder.path().join("queries/deep");
    std::fs::create_dir_all(&hunts).unwrap();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    std::fs::write(
        folder.path().join("config/huntd.yaml"),
        "queries: [queries]\n",
    )
    .unwrap();
    std::fs::write(hunts.join("ugly.kql"), format!("{HEADER}{UGLY}")).unwrap();
    std::fs::write(hunts.join("neat.kql"), format!("{HEADER}{NEAT}")).unwrap();
    std::fs::write(hunts.join("block.yaml"), "query: |\n  T|take 1\nname: x\n").unwrap();
    std::fs::write(hunts.join("quoted.yaml"), "query: 'T|take 1'\n").unwrap();
    folder
}

#[test]
fn files_are_formatted_in_place() {
    let folder = folder();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let first = output(folder.path(), &["fmt"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert_eq!(
        text(&first.stdout),
        "formatted queries/deep/block.yaml\nformatted queries/deep/ugly.kql\n"
    );
    insta::assert_snapshot!(text(&first.stderr).trim_end(), @r"
    note: queries/deep/quoted.yaml is left as it is: its query is not written as a block below `query: |`
    4 files, 2 formatted, 1 left aside
    ");
    assert_eq!(read("queries/deep/ugly.kql"), format!("{HEADER}{NEAT}"));
    assert_eq!(
        read("queries/deep/block.yaml"),
        "query: |\n  T\n  | take 1\nname: x\n"
    );
    let names = std::fs::read_dir(folder.path().join("queries/deep")).unwrap();
    assert_eq!(names.count(), 4, "nothing else is left behind");

    let second = output(folder.path(), &["fmt"]);
    assert_eq!(text(&second.stdout), "");
    assert_eq!(
        output(folder.path(), &["fmt", "--check"]).status.code(),
        Some(0)
    );
}

#[test]
fn check_shows_what_would_change_and_writes_nothing() {
    let folder = folder();
    let path = "queries/deep/ugly.kql";
    let checked = output(folder.path(), &["fmt", "--check", path]);
    assert_eq!(checked.status.code(), Some(1));
    insta::assert_snapshot!(text(&checked.stdout), @r"
    --- queries/deep/ugly.kql
    +++ queries/deep/ugly.kql (formatted)
    @@ -2,4 +2,5 @@
     // name:  spaced   out
     // ---
    -T|where a==1 // why
    -|take 5
    \ No newline at end of file
    +T
    +| where a == 1 // why
    +| take 5
    ");
    assert_eq!(
        std::fs::read_to_string(folder.path().join(path)).unwrap(),
        format!("{HEADER}{UGLY}")
    );
}

#[test]
fn a_broken_query_is_told_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("queries/broken.kql");
    std::fs::write(&path, BROKEN).unwrap();
    let outcome = output(folder.path(), &["fmt", "queries"]);
    assert_eq!(outcome.status.code(), Some(1));
    let told = text(&outcome.stderr);
    assert!(told.contains("unknown operator `were`"), "{told}");
    assert!(told.contains("queries/broken.kql:2:3"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), BROKEN);
    // The others are formatted all the same.
    assert!(text(&outcome.stdout).contains("ugly.kql"));
    assert_eq!(
        output(folder.path(), &["fmt", "nothing.kql"]).status.code(),
        Some(2)
    );
}

#[test]
fn other_files_are_formatted_where_they_are_named() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, UGLY).unwrap();
    assert_eq!(output(folder.path(), &["fmt", "."]).status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), UGLY);
    assert_eq!(
        output(folder.path(), &["fmt", "notes.txt"]).status.code(),
        Some(0)
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), NEAT);
}

#[test]
fn stdin_goes_to_stdout() {
    let folder = folder();
    let through = |input: &str, arguments: &[&str]| {
        let mut child = huntd(folder.path(), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let good = through(UGLY, &["fmt", "-"]);
    assert_eq!(
        (good.status.code(), text(&good.stdout)),
        (Some(0), NEAT.to_owned())
    );
    let broken = through(BROKEN, &["fmt", "-"]);
    assert_eq!(
        (broken.status.code(), text(&broken.stdout)),
        (Some(1), String::new())
    );
    assert!(text(&broken.stderr).contains("unknown operator `were`"));
    assert_eq!(
        through(UGLY, &["fmt", "-", "--check"]).status.code(),
        Some(1)
    );
    assert_eq!(
        through(NEAT, &["fmt", "-", "--check"]).status.code(),
        Some(0)
    );
    assert_eq!(
        through(NEAT, &["fmt", "-", "queries"]).status.code(),
        Some(2)
    );
}

/// A link goes on pointing to its file, and a file keeps its permissions.
#[cfg(unix)]
#[test]
fn links_and_permissions_survive() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = folder();
    let target = folder.path().join("target.kql");
    let link = folder.path().join("link.kql");
    std::fs::write(&target, UGLY).unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target.kql", &link).unwrap();
    assert_eq!(
        output(folder.path(), &["fmt", "link.kql"]).status.code(),
        Some(0)
    );
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), NEAT);
    let mode = std::fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn the_hunts_that_ship_are_in_canonical_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = output(root, &["fmt", "--check", "queries"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
}
