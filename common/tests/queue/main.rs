//! The queue against a real Redis: who runs what, what happens when something dies, and that no report is lost.
#![cfg(feature = "queue")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail"
)]

mod farm;
mod faults;
mod lanes;
mod redis_server;
mod reports;
mod room;
mod versions;
