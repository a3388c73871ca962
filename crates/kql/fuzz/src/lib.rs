//! What the fuzz targets share: tables to bind against, and what must hold of every diagnostic.

use kql::catalog::{MemoryCatalog, TableInfo};
use kql::diagnostic::Diagnostic;
use kql::types::{Column, ScalarType, Schema};

/// Tables with a column of every type and the names that hunts use most.
pub fn catalog() -> MemoryCatalog {
    let tables = [
        (
            "DeviceProcessEvents",
            "Timestamp:datetime DeviceId:string DeviceName:string FileName:string \
             ProcessCommandLine:string ProcessId:long InitiatingProcessFileName:string \
             AccountName:string SHA1:string AdditionalFields:dynamic ReportId:long",
        ),
        (
            "DeviceNetworkEvents",
            "Timestamp:datetime DeviceId:string DeviceName:string RemoteIP:string \
             RemotePort:int RemoteUrl:string ActionType:string ReportId:long",
        ),
        (
            "DeviceFileEvents",
            "Timestamp:datetime DeviceId:string FileName:string FolderPath:string SHA1:string \
             FileSize:long ActionType:string",
        ),
        (
            "SigninLogs",
            "TimeGenerated:datetime UserPrincipalName:string IPAddress:string ResultType:string \
             LocationDetails:dynamic AppDisplayName:string",
        ),
        (
            "T",
            "b:bool i:int l:long r:real m:decimal s:string t:datetime d:timespan g:guid v:dynamic",
        ),
    ];
    let mut catalog = MemoryCatalog::new();
    for (name, columns) in tables {
        let schema: Schema = columns
            .split_whitespace()
            .filter_map(|column| {
                let (name, ty) = column.split_once(':')?;
                Some(Column::new(name, ScalarType::from_name(ty)?))
            })
            .collect();
        let time_column = ["Timestamp", "TimeGenerated"]
            .into_iter()
            .find(|name| schema.column(name).is_some())
            .map(str::to_owned);
        let info = TableInfo {
            schema,
            time_column,
        };
        catalog.insert(name, info);
    }
    catalog
}

/// A diagnostic is about a place of the text, and can be shown.
pub fn check_diagnostics(text: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let range = diagnostic.span.start as usize..diagnostic.span.end as usize;
        assert!(text.get(range).is_some(), "no place: {diagnostic:?}");
        let shown = diagnostic.render("query", text);
        assert!(shown.contains(diagnostic.code));
    }
}
