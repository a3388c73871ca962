//! What a failed call tells the broker.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::quota::{Api, Lane, Route, Scope, breaker};
use crate::source::broker::Broker;

#[tokio::test]
async fn only_an_answer_of_the_service_says_that_it_works_again() {
    let clock = Arc::new(ManualClock::new(
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
    ));
    let broker = Broker::new(Arc::clone(&clock) as _, None);
    let route = Route {
        scope: Scope {
            tenant: "contoso".to_owned(),
            api: Api::Graph,
        },
        door: Arc::from("graph.microsoft.com"),
    };
    let after = async |kind: ApiErrorKind, status, waited: u64| {
        clock.advance(Duration::from_secs(waited));
        let permit = broker.acquire(&route, Lane::Detection, "a", None).await;
        book(permit.unwrap(), &ApiError::new(kind, "it failed"), status);
        broker.standing().await[0].breaker()
    };
    for _ in 0..5 {
        after(ApiErrorKind::Unavailable, Some(503), 0).await;
    }
    // A proxy that swallows what it gets; then a query that could not even be sent.
    let timeout = after(ApiErrorKind::Timeout, None, 30).await;
    assert_eq!(timeout, breaker::Standing::Open);
    let unsent = after(ApiErrorKind::InvalidQuery, None, 60).await;
    assert_eq!(unsent, breaker::Standing::Open);
    // The service gives up a query: it is there.
    let late = after(ApiErrorKind::Timeout, Some(504), 0).await;
    assert_eq!(late, breaker::Standing::Closed);
    // While it works, a timeout says nothing against it, however often.
    for _ in 0..5 {
        let timeout = after(ApiErrorKind::Timeout, None, 0).await;
        assert_eq!(timeout, breaker::Standing::Closed);
    }
}
