//! Where faults happen: in front of everything else, as the network's and the gateway's do. It
//! also writes the log of requests.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use uuid::Uuid;

use super::auth::{self, SignedIn};
use super::fault::Kind;
use super::product::{Failure, Product};
use super::request_log::RequestRecord;
use super::{SharedState, hunting, quota};
use crate::clock::Clock as _;

/// Bytes of a piece of a slowed answer.
const SLOW_PIECE_BYTES: usize = 4 << 10;
/// Bytes behind which an answer of unknown length is cut off.
const CUT_BEHIND: usize = 1_000;
/// Time for the first half of a cut answer to go out.
const FLUSH: Duration = Duration::from_millis(20);
/// Seconds that a throttled client is told to wait.
const RETRY_AFTER: u64 = 1;

/// A request under way. It comes into the log when it ends, also where the client goes away.
struct Entry {
    state: SharedState,
    signed_in: SignedIn,
    record: RequestRecord,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut record = self.record.clone();
        record.app = self.signed_in.app().map(str::to_owned);
        self.state.requests.add(record);
    }
}

/// Gives the request a number, and to its answer what the rules say.
pub(super) async fn strike(
    State(state): State<SharedState>,
    mut request: Request,
    next: Next,
) -> Response {
    let number = state.requests.take_number();
    let at = state.clock.now();
    let path = request.uri().path().to_owned();
    let product = Product::of_path(&path);
    let is_hunting = hunting::is_query(&path);
    let fault = state.faults.of(number, &path, |kind| match kind {
        Kind::Preempted | Kind::TooLarge => is_hunting,
        Kind::ExpiredToken => product != Product::SignIn,
        _ => true,
    });
    let mut entry = Entry {
        state: Arc::clone(&state),
        signed_in: SignedIn::default(),
        record: RequestRecord {
            number,
            at,
            method: request.method().to_string(),
            path,
            app: None,
            status: None,
            fault,
        },
    };
    request.extensions_mut().insert(entry.signed_in.clone());
    let failure = fault.and_then(|kind| failure(kind, product, is_hunting));
    let mut response = match (&failure, fault) {
        (Some(failure), _) => product.respond(failure, request.headers(), at),
        (None, Some(Kind::Html)) => portal(),
        (None, _) => next.run(request).await,
    };
    name_request(response.headers_mut());
    entry.record.status = Some(response.status().as_u16());
    drop(entry);
    match fault {
        Some(Kind::Cut) => cut(response, End::Broken),
        Some(Kind::Truncated) => cut(response, End::Regular),
        Some(Kind::Slow) => slow(response, state.config.slow_piece),
        Some(Kind::WrongContentType) => {
            let wrong = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, wrong);
            response
        }
        _ => response,
    }
}

/// Answers of the services say what they call the request.
fn name_request(headers: &mut HeaderMap) {
    let id = Uuid::new_v4().to_string();
    let id = HeaderValue::from_str(&id).expect("a UUID is a header's value");
    for name in ["request-id", "x-ms-request-id"] {
        headers.entry(name).or_insert_with(|| id.clone());
    }
}

/// The answer that a fault makes, where it makes one of its own.
fn failure(kind: Kind, product: Product, is_hunting: bool) -> Option<Failure> {
    let sign_in = product == Product::SignIn;
    let coded = |status: u16, code: &str, message: &str| {
        if sign_in {
            let text = "AADSTS90033: A transient error has occurred. Please try again.";
            return Failure::new(status, "temporarily_unavailable", text);
        }
        Failure::new(status, code, message)
    };
    Some(match kind {
        Kind::Throttled if sign_in => coded(429, "", "").with_retry_after(Some(RETRY_AFTER)),
        Kind::ThrottledSilent if sign_in => coded(429, "", ""),
        Kind::Throttled => quota::throttled(product, is_hunting, "45 per 00:01:00")
            .with_retry_after(Some(RETRY_AFTER)),
        Kind::ThrottledSilent => quota::throttled(product, is_hunting, "45 per 00:01:00"),
        Kind::InternalError => match product {
            Product::Graph => coded(500, "UnknownError", ""),
            _ => coded(
                500,
                "InternalServerError",
                "An internal error has occurred.",
            ),
        },
        Kind::Unavailable => coded(503, "ServiceUnavailable", "The service is unavailable."),
        Kind::GatewayTimeout => match product {
            Product::Graph => coded(504, "UnknownError", ""),
            _ => coded(
                504,
                "GatewayTimeout",
                "The gateway did not receive a response in time.",
            ),
        },
        Kind::ExpiredToken => auth::expired(product),
        Kind::Preempted => hunting::preempted(),
        Kind::TooLarge => hunting::too_large(),
        Kind::Cut | Kind::Slow | Kind::Truncated | Kind::Html | Kind::WrongContentType => {
            return None;
        }
    })
}

/// What a network says that wants somebody to sign in first.
fn portal() -> Response {
    Html(
        "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>Guest network</h1>\
         <p>Please sign in to use the Internet.</p></body></html>\n",
    )
    .into_response()
}

/// How a body ends that lacks its second half.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The connection is closed.
    Broken,
    /// As if it were whole.
    Regular,
}

fn cut(response: Response, end: End) -> Response {
    let (mut parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    let left = length.map_or(CUT_BEHIND, |length| {
        usize::try_from(length / 2).unwrap_or(0)
    });
    if end == End::Regular {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let pieces = body.into_data_stream();
    let stream = futures::stream::unfold(Some((pieces, left)), move |rest| async move {
        let (mut pieces, left) = rest?;
        if left > 0
            && let Some(Ok(mut piece)) = pieces.next().await
        {
            piece.truncate(left);
            let left = left - piece.len();
            return Some((Ok(piece), Some((pieces, left))));
        }
        if end == End::Regular {
            return None;
        }
        // What was written so far is sent before the connection closes.
        tokio::time::sleep(FLUSH).await;
        let error = std::io::Error::other("the connection is cut on purpose");
        Some((Err::<Bytes, _>(error), None))
    });
    let stream = stream.fuse();
    Response::from_parts(parts, Body::from_stream(stream))
}

fn slow(response: Response, wait: Duration) -> Response {
    let (parts, body) = response.into_parts();
    let pieces = body.into_data_stream().flat_map(|piece| {
        let pieces: Vec<Result<Bytes, axum::Error>> = match piece {
            Ok(mut bytes) => {
                let mut pieces = Vec::new();
                while bytes.len() > SLOW_PIECE_BYTES {
                    pieces.push(Ok(bytes.split_to(SLOW_PIECE_BYTES)));
                }
                pieces.push(Ok(bytes));
                pieces
            }
            Err(error) => vec![Err(error)],
        };
        futures::stream::iter(pieces)
    });
    let waited = pieces.then(move |piece| async move {
        tokio::time::sleep(wait).await;
        piece
    });
    Response::from_parts(parts, Body::from_stream(waited))
}
