//! The film's sound on its own: made from sounds written to the sample, measured with ffmpeg's meter, which is not the one that made it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it stands"
)]

mod alive;
#[path = "../film/clips.rs"]
#[allow(dead_code, reason = "shared with the tests of films")]
mod clips;
mod joins;
mod places;
mod programmes;
mod studio;
mod tracks;
#[path = "../film/watched.rs"]
#[allow(dead_code, reason = "shared with the tests of films")]
mod watched;
