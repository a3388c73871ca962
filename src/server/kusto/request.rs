//! A request as it is sent: `{"db", "csl", "properties"}` in a body, or the same in a URL.

use kql::bind::Parameters;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) database: Option<String>,
    /// KQL, or a management command.
    pub(super) text: String,
    pub(super) properties: Properties,
}

/// How it is to be answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties {
    pub(super) options: Map<String, Value>,
    pub(super) parameters: Parameters,
    pub(super) client_request_id: Option<String>,
}

/// The body; what else it holds has no effect.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    db: Option<String>,
    csl: String,
    #[serde(default)]
    properties: Value,
}

/// The parameters of a URL.
#[derive(Debug, Deserialize)]
pub(super) struct UrlRequest {
    #[serde(default)]
    db: Option<String>,
    csl: Option<String>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    properties: Option<String>,
}

impl Request {
    pub(super) fn from_body(body: &[u8]) -> Result<Self, ApiError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            ApiError::malformed(&format!(
                "the body is not {{\"db\", \"csl\", \"properties\"}}: {error}"
            ))
        })?;
        Ok(Self {
            database: body.db,
            text: body.csl,
            properties: Properties::read(body.properties)?,
        })
    }

    pub(super) fn from_url(url: UrlRequest) -> Result<Self, ApiError> {
        let Some(text) = url.csl.or(url.query) else {
            return Err(ApiError::malformed("the URL has no `csl` with the query"));
        };
        let properties = url.properties.map_or(Value::Null, Value::String);
        Ok(Self {
            database: url.db,
            text,
            properties: Properties::read(properties)?,
        })
    }
}

impl Properties {
    /// From an object, or from the text of one.
    fn read(value: Value) -> Result<Self, ApiError> {
        let malformed = |what: &str| ApiError::malformed(&format!("`properties` {what}"));
        let value = match value {
            Value::String(text) if text.trim().is_empty() => Value::Null,
            Value::String(text) => {
                serde_json::from_str(&text).map_err(|_| malformed("is no JSON object"))?
            }
            value => value,
        };
        let mut fields = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(fields) => fields,
            _ => return Err(malformed("is no JSON object")),
        };
        let mut object = |name: &str| match fields.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) => Err(malformed(&format!("has `{name}` that are no JSON object"))),
        };
        let options = object("Options")?;
        let mut parameters = Parameters::new();
        for (name, value) in object("Parameters")? {
            // Null is no value: the default of the parameter counts.
            if !value.is_null() {
                parameters.insert(name, literal(value));
            }
        }
        let client_request_id = match fields.remove("ClientRequestId") {
            Some(Value::String(id)) => Some(id),
            _ => None,
        };
        Ok(Self {
            options,
            parameters,
            client_request_id,
        })
    }
}

/// The value of a parameter as KQL writes it. Text is KQL already.
fn literal(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(_) | Value::Object(_) => format!("dynamic({value})"),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let mut parameters = Parameters::new();
        for (name, value) in pairs {
            parameters.insert(*name, *value);
        }
        parameters
    }

    #[test]
    fn properties_are_an_object_or_the_text_of_one() {
        let object = r#"{"Options": {"notruncation": true}, "Parameters": {"n": 10, "s": "a",
            "d": ["x"], "f": false}, "ClientRequestId": "App;1"}"#;
        let text = serde_json::to_string(object).unwrap();
        for properties in [object, &text] {
            let body = format!(
                r#"{{"db": "d", "csl": "print 1", "ns": null, "properties": {properties}}}"#
            );
            let request = Request::from_body(body.as_bytes()).unwrap();
            assert_eq!(request.database.as_deref(), Some("d"));
            assert_eq!(request.text, "print 1");
            assert_eq!(request.properties.options["notruncation"], true);
            let given = [
                ("n", "10"),
                ("s", "a"),
                ("d", r#"dynamic(["x"])"#),
                ("f", "false"),
            ];
            assert_eq!(request.properties.parameters, parameters(&given));
            assert_eq!(
                request.properties.client_request_id.as_deref(),
                Some("App;1")
            );
        }
    }

    #[test]
    fn what_may_be_missing_is_only_the_database_and_the_properties() {
        for body in [
            r#"{"csl": "T"}"#,
            r#"{"db": null, "csl": "T", "properties": null}"#,
            r#"{"csl": "T", "properties": ""}"#,
            "\u{feff}{\"csl\": \"T\"}",
        ] {
            let request = Request::from_body(body.as_bytes()).unwrap();
            assert_eq!(request.text, "T");
            assert_eq!(request.database, None);
        }
        for body in [
            "",
            "T",
            r#"{"db": "d"}"#,
            r#"{"csl": 1}"#,
            r#"{"csl": "T", "properties": [1]}"#,
            r#"{"csl": "T", "properties": "{"}"#,
            r#"{"csl": "T", "properties": {"Options": 1}}"#,
        ] {
            assert!(Request::from_body(body.as_bytes()).is_err(), "{body}");
        }
    }
}
