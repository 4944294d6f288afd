//! A mix says that it moves in each of its steps, also in those that cannot say how far they are.

use std::collections::HashMap;
use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_media::mix::mix;

use crate::studio::{RATE, Studio, noise, shot, spec, write_wave};
use crate::watched::watched;

/// Frames that are worked on at once.
const BLOCK: u64 = 4096;

#[tokio::test]
async fn a_mix_shows_signs_of_life_while_it_decodes_records_and_levels() {
    let studio = Studio::open().await;
    let length = 60 * RATE;
    let path = studio.path("soft-with-bangs.wav");
    let mut hiss = noise(7);
    write_wave(&path, length, |at| {
        let level = if at % RATE < 48 { 0.9 } else { 0.01 };
        [hiss() * level, hiss() * level]
    });
    let clip = Sha::of(b"soft with bangs");
    let film = spec(vec![shot(clip, 0, length)], Vec::new(), length);

    let (ctx, told) = watched(&studio.ctx, Duration::ZERO);
    let clips = HashMap::from([(clip, path)]);
    mix(&ctx, &film, &clips, &studio.path("sound.m4a"))
        .await
        .unwrap();
    assert!(told.fractions().is_sorted());
    // 23 MB of sound are decoded into scratch, at most 64 KiB at once; then every block is recorded; what the limiter touches is played next.
    let [decoding, recording, levelling] =
        [(0.0, 0.19), (0.19, 0.43), (0.43, 0.45)].map(|(from, to)| told.times(from, to));
    let blocks = usize::try_from(length / BLOCK).unwrap();
    assert!(decoding >= 300, "{decoding}");
    assert!(recording >= blocks, "{recording}");
    assert!(levelling >= 100, "{levelling}");
}
