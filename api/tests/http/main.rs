//! The HTTP server from outside: a real server over SQLite, Redis and a local store in this process, spoken to through sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod contract;
mod directors;
mod episode;
mod follow;
mod log;
mod media;
mod operators;
mod outlook;
mod pages;
mod renders;
mod server;
mod stand;
mod upload;
mod upload_faults;
mod worker_metrics;
mod worker_tokens;
mod workers;
