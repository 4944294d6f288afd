//! Inspection through its outer door, with the real ffmpeg and media made on the spot; and the walls around every child process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod alive;
mod defects;
mod facts;
mod hostile;
mod process;
mod proxies;
mod stills;
mod studio;
mod walls;
#[path = "../film/watched.rs"]
#[allow(dead_code, reason = "shared with the tests of films")]
mod watched;
