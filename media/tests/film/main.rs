//! Films made from clips made on the spot, by the real ffmpeg: every frame where the ledger says, sound on its picture, loudness as asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it stands"
)]

mod alive;
#[allow(dead_code, reason = "other test programs read these files, too")]
mod clips;
mod encoders;
mod joins;
mod parts;
mod sound;
mod studio;
mod tampering;
#[allow(dead_code, reason = "other test programs read this file, too")]
mod watched;
