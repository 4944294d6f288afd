//! Segments made by the real ffmpeg from clips, stills and colours made on the spot: every frame what the spec says, by what is seen in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "../film/clips.rs"]
#[allow(
    dead_code,
    reason = "shared with the films' tests, which read sound, too"
)]
mod clips;
mod colour;
mod encoders;
mod hosts;
mod motion;
mod odd_clips;
mod reach;
mod stage;
mod stills;
mod strips;
mod texts;
mod transitions;
