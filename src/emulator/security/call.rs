//! One call of the security APIs: its path, who may make it, how often, and what answers it. The
//! lists of calls are what `docs/reference/emulator.md` shows.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::Security;
use super::error::ApiError;
use crate::emulator::caller::Caller;

type Answering =
    dyn Fn(Arc<Security>, Request) -> BoxFuture<'static, Result<Reply, ApiError>> + Send + Sync;

/// A call.
pub struct Call {
    /// How it is made.
    pub method: Method,
    /// Its path; `{}` stands for any one segment, and a segment such as `findbyip()` for a
    /// function with arguments.
    pub path: &'static str,
    /// Application roles of which one is needed. None where the call looks itself.
    pub roles: &'static [&'static str],
    /// How often it may be called, as documented; the quotas of the emulator count.
    pub rate: Rate,
    pub(super) answering: Box<Answering>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Call {
    fn new<F, R>(method: Method, path: &'static str, roles: Roles, answering: F) -> Self
    where
        F: Fn(Arc<Security>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        Self {
            method,
            path,
            roles,
            rate: Rate::STANDARD,
            answering: Box::new(move |security, request| answering(security, request).boxed()),
        }
    }

    /// A GET.
    pub(super) fn get<F, R>(path: &'static str, roles: Roles, answering: F) -> Self
    where
        F: Fn(Arc<Security>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        Self::new(Method::GET, path, roles, answering)
    }

    /// A POST.
    pub(super) fn post<F, R>(path: &'static str, roles: Roles, answering: F) -> Self
    where
        F: Fn(Arc<Security>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        Self::new(Method::POST, path, roles, answering)
    }

    /// A PATCH.
    pub(super) fn patch<F, R>(path: &'static str, roles: Roles, answering: F) -> Self
    where
        F: Fn(Arc<Security>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        Self::new(Method::PATCH, path, roles, answering)
    }

    /// A DELETE.
    pub(super) fn delete<F, R>(path: &'static str, roles: Roles, answering: F) -> Self
    where
        F: Fn(Arc<Security>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, ApiError>> + Send + 'static,
    {
        Self::new(Method::DELETE, path, roles, answering)
    }

    /// The call as `docs/reference/emulator.md` lists it: method and path, roles, rate.
    pub fn reference_row(&self) -> String {
        let roles: Vec<String> = self.roles.iter().map(|role| format!("`{role}`")).collect();
        let roles = match &roles[..] {
            [] => "of what is cancelled".to_owned(),
            roles => roles.join(", "),
        };
        let rates = [(self.rate.per_minute, "min"), (self.rate.per_hour, "h")];
        let rates: Vec<String> = rates
            .iter()
            .filter_map(|(calls, time)| calls.map(|calls| format!("{calls}/{time}")))
            .collect();
        let path = self.path.replace("{}", "{id}");
        format!(
            "| `{} {path}` | {roles} | {} |",
            self.method,
            rates.join(", ")
        )
    }

    /// The same with another rate.
    pub(super) fn at(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    /// What the `{}` and functions of the path stand for in `segments`, if it is this path. Case
    /// does not matter, as it does not for the services.
    pub(super) fn matches(&self, segments: &[String]) -> Option<Vec<String>> {
        let pattern: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        if pattern.len() != segments.len() {
            return None;
        }
        let mut found = Vec::new();
        for (pattern, segment) in pattern.iter().zip(segments) {
            if *pattern == "{}" {
                found.push(segment.clone());
            } else if let Some(function) = pattern.strip_suffix("()") {
                let (name, arguments) = segment.split_once('(')?;
                if !name.eq_ignore_ascii_case(function) {
                    return None;
                }
                found.push(arguments.strip_suffix(')')?.to_owned());
            } else if !pattern.eq_ignore_ascii_case(segment) {
                return None;
            }
        }
        Some(found)
    }
}

/// Application roles of which one is needed.
pub(super) type Roles = &'static [&'static str];

/// How often a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In any minute; none where only the hour counts.
    pub per_minute: Option<u32>,
    /// In any hour; none where only the minute counts.
    pub per_hour: Option<u32>,
}

impl Rate {
    /// Of nearly all calls of Defender for Endpoint.
    pub(super) const STANDARD: Self = Self::of(100, 1_500);

    /// So many a minute and an hour.
    pub(super) const fn of(per_minute: u32, per_hour: u32) -> Self {
        Self {
            per_minute: Some(per_minute),
            per_hour: Some(per_hour),
        }
    }

    /// So many a minute.
    pub(super) const fn per_minute(per_minute: u32) -> Self {
        Self {
            per_minute: Some(per_minute),
            per_hour: None,
        }
    }

    /// So many an hour.
    pub(super) const fn per_hour(per_hour: u32) -> Self {
        Self {
            per_minute: None,
            per_hour: Some(per_hour),
        }
    }
}

/// What was sent.
#[derive(Debug)]
pub(super) struct Request {
    /// Scheme and host that it was sent to.
    pub(super) base: String,
    /// Path of the request, without its query.
    pub(super) path: String,
    /// What the `{}` of the call's path stand for.
    pub(super) found: Vec<String>,
    /// Decoded options of the URL in the order sent.
    pub(super) options: Vec<(String, String)>,
    /// Whether only the number of what is listed is asked for (`/$count`).
    pub(super) counts: bool,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) caller: Caller,
}

impl Request {
    /// The option of the URL called `name`; case does not matter.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let found = self
            .options
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// What the `{}` number `index` stands for.
    pub(super) fn found(&self, index: usize) -> &str {
        self.found.get(index).map_or("", String::as_str)
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the metadata of Defender for Endpoint lives.
    pub(super) fn context(&self, what: &str) -> String {
        format!("{}/api/$metadata#{what}", self.base)
    }

    /// The body as a JSON object that has no other members than these. Names are case-sensitive.
    pub(super) fn object(&self) -> Result<Object, ApiError> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(members)) => Ok(Object(members)),
            Ok(_) => Err(ApiError::invalid_body("the request body is not an object")),
            Err(_) if self.body.is_empty() => {
                Err(ApiError::invalid_body("the request body is empty"))
            }
            Err(error) => Err(ApiError::invalid_body(&format!(
                "the request body is not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ))),
        }
    }
}

/// Most characters of a text of a request.
pub(super) const CHARS_MAX: usize = 4_000;
/// Most texts of a list, and most characters of all of them.
const TEXTS_MAX: usize = 1_000;
const TEXTS_CHARS_MAX: usize = 40_000;

/// A JSON object that was sent.
#[derive(Debug)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Around members that are known already.
    pub(super) fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// A member that is given and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text of reasonable length, where it is given.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => short(name, text).map(Some),
            Some(_) => Err(ApiError::invalid_body(&format!("'{name}' is not a string"))),
        }
    }

    /// A text that must be given and not be empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        match self.text(name)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(ApiError::missing_parameter(name)),
        }
    }

    /// A list of texts of reasonable length, where it is given.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        let wrong = || ApiError::invalid_body(&format!("'{name}' is not an array of strings"));
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                let mut texts = Vec::new();
                let mut chars = 0;
                for item in items {
                    let text = short(name, item.as_str().ok_or_else(wrong)?)?;
                    chars += text.chars().count();
                    if texts.len() == TEXTS_MAX || chars > TEXTS_CHARS_MAX {
                        return Err(too_long(name));
                    }
                    texts.push(text.to_owned());
                }
                Ok(Some(texts))
            }
            Some(_) => Err(wrong()),
        }
    }

    /// Refuses members of other names, capitals included.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let unknown = self
            .0
            .keys()
            .find(|name| !names.contains(&name.as_str()) && !name.starts_with('@'));
        match unknown {
            None => Ok(()),
            Some(name) => Err(ApiError::invalid_body(&format!(
                "'{}' is no member of the request body; names are case-sensitive",
                name.chars().take(100).collect::<String>()
            ))),
        }
    }
}

/// A text, unless it is too long to be kept.
pub(super) fn short<'t>(name: &str, text: &'t str) -> Result<&'t str, ApiError> {
    if text.chars().count() > CHARS_MAX {
        return Err(too_long(name));
    }
    Ok(text)
}

fn too_long(name: &str) -> ApiError {
    ApiError::invalid_input(format!("'{name}' is too long"))
}

/// What is answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// A status with JSON.
    Json(StatusCode, Value),
    /// A status and nothing else.
    Empty(StatusCode),
    /// A number as plain text.
    Count(usize),
    /// A file.
    File {
        media_type: &'static str,
        content: Vec<u8>,
    },
}

impl Reply {
    /// 200 with JSON.
    pub(super) fn ok(value: Value) -> Self {
        Self::Json(StatusCode::OK, value)
    }

    /// 200 with one entity of a collection: its members beside the context.
    pub(super) fn entity(request: &Request, set: &str, entity: Map<String, Value>) -> Self {
        Self::entity_as(StatusCode::OK, request, set, entity)
    }

    /// A status with one entity of a collection.
    pub(super) fn entity_as(
        status: StatusCode,
        request: &Request,
        set: &str,
        entity: Map<String, Value>,
    ) -> Self {
        let mut members = Map::new();
        let context = request.context(&format!("{set}/$entity"));
        members.insert("@odata.context".to_owned(), context.into());
        members.extend(entity);
        Self::Json(status, Value::Object(members))
    }

    /// 200 with a list that is not paged.
    pub(super) fn list(request: &Request, set: &str, items: Vec<Value>) -> Self {
        if request.counts {
            return Self::Count(items.len());
        }
        let mut members = Map::new();
        members.insert("@odata.context".to_owned(), request.context(set).into());
        members.insert("value".to_owned(), Value::Array(items));
        Self::ok(Value::Object(members))
    }
}

/// The members of a JSON object that was just made.
pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Decoded segments of a path, without the empty ones.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| decoded(segment, Plus::Itself))
        .collect()
}

/// Decoded options of a query string.
pub(super) fn options(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|option| !option.is_empty())
        .map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            (decoded(name, Plus::Blank), decoded(value, Plus::Blank))
        })
        .collect()
}

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Itself,
    Blank,
}

/// Text with `%xx` decoded; what is not UTF-8 then is replaced.
fn decoded(text: &str, plus: Plus) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |index: usize| {
            bytes
                .get(index)
                .and_then(|digit| char::from(*digit).to_digit(16))
        };
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _, _) if plus == Plus::Blank => out.push(b' '),
            (byte, _, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes what may not stand in the query of a URL.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'$'
            | b'\''
            | b'('
            | b')'
            | b','
            | b':'
            | b'/' => out.push(char::from(byte)),
            _ => {
                use std::fmt::Write as _;
                write!(out, "%{byte:02X}").expect("writing to a string does not fail");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_segment_by_segment() {
        assert_eq!(
            segments("/api//a%2Fb/x+y/%zz"),
            ["api", "a/b", "x+y", "%zz"]
        );
        assert_eq!(segments("/%C3%A9/%ff"), ["é", "\u{fffd}"]);
    }

    #[test]
    fn options_are_decoded_and_written_again() {
        let expected = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            options("$filter=a+eq%20'x%2By'&$top&&=1"),
            [
                expected("$filter", "a eq 'x+y'"),
                expected("$top", ""),
                expected("", "1")
            ]
        );
        let text = "a eq 'x+y' & é=1";
        assert_eq!(options(&format!("f={}", encoded(text)))[0].1, text);
    }

    #[test]
    fn a_path_matches_whatever_its_case() {
        let answering = async |_, _| Ok(Reply::Empty(StatusCode::OK));
        let call = Call::get("/api/machines/{}/findbyip()", &[], answering);
        let found = |path: &str| call.matches(&segments(path));
        let path = "/API/Machines/M1/FindByIp(ip='x',timestamp=y)";
        assert_eq!(found(path).unwrap(), ["M1", "ip='x',timestamp=y"]);
        assert_eq!(found("/api/machines/m1/findbyip"), None);
        assert_eq!(found("/api/machines/m1/findbyip(x"), None);
        assert_eq!(found("/api/machines/m1"), None);
    }
}
