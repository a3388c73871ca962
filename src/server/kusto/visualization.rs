//! What `render` asks for, in the form that clients draw from.

use kql::hir::Render;
use serde_json::{Map, Value, json};

/// Names of the properties in the order in which the service writes them.
const PROPERTIES: [&str; 20] = [
    "Visualization",
    "Title",
    "XColumn",
    "Series",
    "YColumns",
    "AnomalyColumns",
    "XTitle",
    "YTitle",
    "XAxis",
    "YAxis",
    "Legend",
    "YSplit",
    "Accumulate",
    "IsQuerySorted",
    "Kind",
    "Ymin",
    "Ymax",
    "Xmin",
    "Xmax",
    "Annotation",
];

/// The JSON text of a result's `Visualization` property; a query without `render` has one, too.
pub(super) fn visualization(render: Option<&Render>) -> String {
    let mut object = Map::new();
    for name in PROPERTIES {
        let given = render.and_then(|render| {
            let mut properties = render.properties.iter();
            properties
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        });
        let value = match (name, given) {
            ("Visualization", _) => render.map_or(Value::Null, |render| json!(render.kind)),
            ("Accumulate", given) => {
                json!(given.is_some_and(|value| value.eq_ignore_ascii_case("true")))
            }
            ("IsQuerySorted", _) => json!(false),
            ("Series" | "YColumns" | "AnomalyColumns", Some(columns)) => {
                columns.split(',').map(str::trim).collect()
            }
            ("Ymin" | "Ymax", given) => {
                let number = given.and_then(|value| value.parse::<f64>().ok());
                number.map_or_else(|| json!("NaN"), |number| json!(number))
            }
            (_, Some(value)) => json!(value),
            (_, None) => Value::Null,
        };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_those_of_render() {
        let none: Value = serde_json::from_str(&visualization(None)).unwrap();
        assert_eq!(none["Visualization"], Value::Null);
        assert_eq!(none["Ymin"], "NaN");
        let render = Render {
            kind: "timechart".to_owned(),
            properties: [("title", "Logons"), ("ycolumns", "a, b"), ("ymax", "5")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        };
        let given: Value = serde_json::from_str(&visualization(Some(&render))).unwrap();
        assert_eq!(given["Visualization"], "timechart");
        assert_eq!(given["Title"], "Logons");
        assert_eq!(given["YColumns"], json!(["a", "b"]));
        assert_eq!(given["Ymax"], 5.0);
        assert_eq!(given["Accumulate"], false);
    }
}
