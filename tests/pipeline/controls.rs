//! Negative controls: without a guard the same checks fail.

use chargedeck::guards::{Guard, off};

use super::*;

#[tokio::test]
async fn without_compare_and_set_two_relays_give_a_number_twice() {
    let _off = off(Guard::CompareAndSet);
    assert!(guarantees::two_relays(Log::new(Network::new().await.redis)).await.is_err(), "nothing was missed");
}

#[tokio::test]
async fn without_its_compare_and_set_the_cache_goes_back() {
    let _off = off(Guard::SnapshotCompareAndSet);
    assert!(guarantees::late_snapshot(Network::new().await.redis).await.is_err(), "nothing was missed");
}

#[tokio::test]
async fn without_its_guard_the_stream_stands_at_an_event_for_ever() {
    let _off = off(Guard::StandingStream);
    let patience = Duration::from_secs(40);
    assert!(hostile::goes_on_behind_an_event_too_large(patience).await.is_err(), "nothing was missed");
}

#[tokio::test]
async fn without_its_look_at_tokens_a_connection_lost_twice_doubles_changes() {
    let _off = off(Guard::StreamOnward);
    assert!(guarantees::connection_lost_twice().await.is_err(), "nothing was missed");
}

#[tokio::test]
async fn without_a_look_at_time_a_redis_that_is_set_back_leads_pages_back() {
    let _off = off(Guard::TimeGoesOn);
    assert!(rewound::redis_set_back().await.is_err(), "nothing was missed");
}

#[tokio::test]
async fn without_a_look_at_its_past_nobody_is_told_of_a_database_that_is_set_back() {
    let _off = off(Guard::KnownPast);
    for relay_works in [true, false] {
        assert!(rewound::database_set_back(relay_works).await.is_err(), "nothing was missed");
    }
}
