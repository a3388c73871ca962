//! `parse_path()`: the parts of a Windows or Unix path as a bag.

use kql::types::ScalarType;

use super::json;
use super::udf::{Evaluate, code};

const SEPARATORS: [char; 2] = ['/', '\\'];

/// Functions of paths by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "parse_path" => code(|a| {
            let texts = a.texts(0)?;
            a.strings(|row, out| write_path(texts.text(row), out))
        }),
        _ => return None,
    })
}

fn write_path(text: &str, out: &mut String) {
    let (scheme, path) = text.split_once("://").unwrap_or(("", text));
    let (directory, name) = match path.rfind(SEPARATORS) {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => ("", path),
    };
    let (file_name, stream) = name.split_once(':').unwrap_or((name, ""));
    let extension = file_name
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension);
    let directory_name = directory.rsplit(SEPARATORS).next().unwrap_or("");
    out.push('{');
    for (position, (name, value)) in [
        ("Scheme", scheme),
        ("RootPath", root(path)),
        ("DirectoryPath", directory),
        ("DirectoryName", directory_name),
        ("Filename", file_name),
        ("Extension", extension),
        ("AlternateDataStreamName", stream),
    ]
    .into_iter()
    .enumerate()
    {
        if position > 0 {
            out.push(',');
        }
        json::write_string(name, out);
        out.push(':');
        json::write_string(value, out);
    }
    out.push('}');
}

/// A drive with its separator.
fn root(path: &str) -> &str {
    let bytes = path.as_bytes();
    match bytes {
        [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic() => &path[..3],
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, string};
    use super::*;

    #[test]
    fn windows_and_unix_paths() {
        for (path, parts) in [
            (
                r"C:\temp\file.txt",
                ["", r"C:\\", r"C:\\temp", "temp", "file.txt", "txt", ""],
            ),
            (
                r"temp\file.txt",
                ["", "", "temp", "temp", "file.txt", "txt", ""],
            ),
            (
                "file://C:/temp/file.txt:some.exe",
                [
                    "file", "C:/", "C:/temp", "temp", "file.txt", "txt", "some.exe",
                ],
            ),
            (
                r"\\shared\users\temp\file.txt.gz",
                [
                    "",
                    "",
                    r"\\\\shared\\users\\temp",
                    "temp",
                    "file.txt.gz",
                    "gz",
                    "",
                ],
            ),
            ("/usr/lib/file", ["", "", "/usr/lib", "lib", "file", "", ""]),
        ] {
            let names = [
                "Scheme",
                "RootPath",
                "DirectoryPath",
                "DirectoryName",
                "Filename",
                "Extension",
                "AlternateDataStreamName",
            ];
            let entries: Vec<String> = names
                .iter()
                .zip(parts)
                .map(|(name, part)| format!(r#""{name}":"{part}""#))
                .collect();
            let expected = format!("{{{}}}", entries.join(","));
            assert_eq!(
                eval("parse_path", ScalarType::Dynamic, &[string(path)]),
                expected
            );
        }
    }
}
