//! `externaldata` over files and addresses.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use kql_datafusion::{EngineError, ExternalData, Fetch, Fetched, KqlContext, MemoryTables, json};

use crate::world;

/// A folder of files that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kql-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn allowed(&self) -> ExternalData {
        ExternalData {
            allow: vec![self.0.display().to_string()],
            ..ExternalData::default()
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn rows(external: ExternalData, text: &str) -> Result<String, EngineError> {
    let context = KqlContext::new(Arc::new(MemoryTables::new()), world::limits())?;
    let context = context.with_external_data(external);
    let stream = world::start_in(&context, text, None).await?;
    let schema = stream.schema.clone();
    let mut rows = Vec::new();
    for batch in stream.collect().await? {
        rows.extend(json::rows(&batch, &schema));
    }
    Ok(serde_json::to_string(&rows).unwrap())
}

async fn error(external: ExternalData, text: &str) -> String {
    rows(external, text).await.unwrap_err().to_string()
}

#[tokio::test]
async fn nothing_is_read_by_default() {
    let folder = Folder::new("default");
    let path = folder.file("a.csv", b"1\n");
    let query = format!("externaldata(x:long)['{path}']");
    let message = error(ExternalData::default(), &query).await;
    assert!(
        message.contains("sources.<name>.externaldata.allow"),
        "{message}"
    );
    let elsewhere = ExternalData {
        allow: vec!["/nowhere".to_owned(), "https://example.org".to_owned()],
        ..ExternalData::default()
    };
    let message = error(elsewhere, &query).await;
    assert!(message.contains("may not read"), "{message}");
}

#[tokio::test]
async fn csv_converts_to_the_declared_columns() {
    let folder = Folder::new("csv");
    let text = "name,n,when,extra\n\"a, b\",1,2024-05-01,\"{\"\"k\"\": 1}\"\nc,x\n";
    let path = folder.file("a.csv", text.as_bytes());
    let query = format!(
        "externaldata(name:string, n:long, at:datetime, extra:dynamic)['{path}'] \
         with (ignoreFirstRecord=true) | where name != '' | extend k = extra.k"
    );
    let expected =
        r#"[["a, b",1,"2024-05-01T00:00:00.0000000Z",{"k":1},1],["c",null,null,null,null]]"#;
    assert_eq!(rows(folder.allowed(), &query).await.unwrap(), expected);
}

#[tokio::test]
async fn several_files_and_other_delimiters() {
    let folder = Folder::new("tsv");
    let first = folder.file("a.tsv", b"1\tx\n");
    let second = folder.file("b.tsv", b"2\ty\n");
    let query = format!("externaldata(n:int, s:string)['{first}', '{second}'] | sort by n asc");
    assert_eq!(
        rows(folder.allowed(), &query).await.unwrap(),
        r#"[[1,"x"],[2,"y"]]"#
    );
    for (format, content) in [("psv", "1|x"), ("scsv", "1;x"), ("sohsv", "1\u{1}x")] {
        let path = folder.file("data", content.as_bytes());
        let query = format!("externaldata(n:int, s:string)['{path}'] with (format='{format}')");
        assert_eq!(
            rows(folder.allowed(), &query).await.unwrap(),
            r#"[[1,"x"]]"#,
            "{format}"
        );
    }
}

#[tokio::test]
async fn lines_and_whole_files() {
    let folder = Folder::new("txt");
    let path = folder.file("a.txt", "# head\na,b\n\nc\r\n".as_bytes());
    let lines = format!("externaldata(line:string)['{path}'] with (ignoreFirstRecord=true)");
    assert_eq!(
        rows(folder.allowed(), &lines).await.unwrap(),
        r#"[["a,b"],["c"]]"#
    );
    let whole =
        format!("externaldata(all:string)['{path}'] with (format='raw') | project strlen(all)");
    assert_eq!(rows(folder.allowed(), &whole).await.unwrap(), "[[15]]");
}

#[tokio::test]
async fn json_records_by_name_and_by_path() {
    let folder = Folder::new("json");
    let lines = folder.file(
        "a.json",
        b"{\"n\": 1, \"d\": {\"k\": [1, 2]}, \"s\": \"x\"}\n{\"n\": \"z\"}\nbroken\n",
    );
    let query = format!("externaldata(n:long, s:string, d:dynamic)['{lines}']");
    let expected = r#"[[1,"x",{"k":[1,2]}],[null,"",null],[null,"",null]]"#;
    assert_eq!(rows(folder.allowed(), &query).await.unwrap(), expected);

    let array = folder.file("b.json", b"[\n {\"n\": 1},\n {\"n\": 2}\n]");
    let query = format!("externaldata(n:long)['{array}'] with (format='multijson')");
    assert_eq!(rows(folder.allowed(), &query).await.unwrap(), "[[1],[2]]");

    let mapping =
        r#"[{"Column":"tail","Properties":{"Path":"$.d.k[1]"}},{"column":"s","path":"$.s"}]"#;
    let query = format!(
        "externaldata(s:string, tail:long, other:long)['{lines}'] \
         with (format='json', ingestionMapping='{mapping}') | where s == 'x'"
    );
    assert_eq!(
        rows(folder.allowed(), &query).await.unwrap(),
        r#"[["x",2,null]]"#
    );
}

#[tokio::test]
async fn a_mapping_of_csv_counts_columns() {
    let folder = Folder::new("mapping");
    let path = folder.file("a.csv", b"1,2,3\n");
    let mapping = r#"[{"Name":"c","Ordinal":2},{"Column":"k","Properties":{"ConstValue":"7"}}]"#;
    let query =
        format!("externaldata(c:long, k:long)['{path}'] with (ingestionMapping='{mapping}')");
    assert_eq!(rows(folder.allowed(), &query).await.unwrap(), "[[3,7]]");
}

#[tokio::test]
async fn compressed_files_are_read_and_their_size_is_limited() {
    let folder = Folder::new("gz");
    let text = "1\n".repeat(1000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = folder.file("a.csv.gz", &gzip.finish().unwrap());
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("a.csv", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    let zip = folder.file("a.csv.zip", zip.finish().unwrap().get_ref());
    for path in [&gzip, &zip] {
        let query = format!("externaldata(x:long)['{path}'] | summarize sum(x)");
        assert_eq!(
            rows(folder.allowed(), &query).await.unwrap(),
            "[[1000]]",
            "{path}"
        );
        let small = ExternalData {
            bytes_max: 1000,
            ..folder.allowed()
        };
        let message = error(small, &query).await;
        assert!(message.contains("1000 bytes"), "{message}");
    }
}

#[tokio::test]
async fn parquet_columns_are_found_by_name() {
    use arrow::array::{Int32Array, RecordBatch, StringArray};
    use datafusion::parquet::arrow::ArrowWriter;

    let folder = Folder::new("parquet");
    let batch = RecordBatch::try_from_iter([
        ("s", Arc::new(StringArray::from(vec![Some("x"), None])) as _),
        ("n", Arc::new(Int32Array::from(vec![Some(1), Some(2)])) as _),
    ])
    .unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let path = folder.file("a.parquet", &file);
    let query = format!("externaldata(n:long, s:string, absent:real)['{path}'] | sort by n asc");
    let expected = r#"[[1,"x",null],[2,"",null]]"#;
    assert_eq!(rows(folder.allowed(), &query).await.unwrap(), expected);
}

/// Addresses and what they answer.
#[derive(Debug)]
struct Web(HashMap<&'static str, Fetched>);

#[async_trait]
impl Fetch for Web {
    async fn fetch(&self, address: &str, _: usize) -> Result<Fetched, String> {
        self.0
            .get(address)
            .cloned()
            .ok_or_else(|| "404 Not Found".to_owned())
    }
}

#[tokio::test]
async fn redirects_lead_to_allowed_addresses_only() {
    let content = Fetched::Content(b"1\n2\n".to_vec());
    let web = Web(HashMap::from([
        ("https://example.org/a.csv", content.clone()),
        (
            "https://example.org/to/a",
            Fetched::Redirect("../a.csv".to_owned()),
        ),
        (
            "https://example.org/to/evil",
            Fetched::Redirect("https://evil.org/x".to_owned()),
        ),
        (
            "https://example.org/loop",
            Fetched::Redirect("loop".to_owned()),
        ),
        ("https://evil.org/x", content),
    ]));
    let external = ExternalData {
        allow: vec!["https://example.org/".to_owned()],
        fetch: Some(Arc::new(web)),
        ..ExternalData::default()
    };
    let ask = |address: &str| {
        let query = format!(
            "let L = materialize(externaldata(x:long)[h@'https://example.org/{address}'] with (format='csv')); \
             L | where x in (L) | summarize sum(x)"
        );
        let external = external.clone();
        async move {
            rows(external, &query)
                .await
                .map_err(|error| error.to_string())
        }
    };
    assert_eq!(ask("a.csv").await.unwrap(), "[[3]]");
    assert_eq!(ask("to/a").await.unwrap(), "[[3]]");
    assert!(
        ask("to/evil")
            .await
            .unwrap_err()
            .contains("may not read `https://evil.org/x`")
    );
    assert!(
        ask("loop")
            .await
            .unwrap_err()
            .contains("redirects more than")
    );
    let missing = ask("b.csv?sig=secret").await.unwrap_err();
    assert!(
        missing.contains("404") && !missing.contains("secret"),
        "{missing}"
    );
}
