//! Where one thing meets the next: shots over many joins, the two halves of the encoder.

use botflix_common::units::FrameRate;

use crate::clips::{ffmpeg, samples};
use crate::studio::{RATE, Studio, level_db, noise, shot, sine, spec};

/// Joins, and frames of each shot.
const JOINS: u64 = 240;
const FRAMES: u64 = 2;

#[tokio::test]
async fn after_240_joins_a_click_sounds_where_its_frame_is_at_every_rate() {
    let mut studio = Studio::open().await;
    let quiet = studio.wave("quiet.wav", RATE, |at| [sine(200.0, 0.02, at); 2]);
    // Like the clips of a generator: AAC with priming that an edit list hides.
    let wave = studio.path("click.wav");
    crate::studio::write_wave(&wave, RATE / 2, |at| {
        let click = (2400..2448).contains(&at);
        [if click {
            sine(1000.0, 0.9, at - 2400)
        } else {
            0.0
        }; 2]
    });
    let path = studio.path("click.mp4");
    ffmpeg(
        &["-i", wave.to_str().unwrap(), "-c:a", "aac", "-b:a", "192k"],
        &path,
    );
    let click = studio.clip(&path);
    for rate in ["24000/1001", "24", "25", "30000/1001", "30", "60"] {
        let fps: FrameRate = rate.parse().unwrap();
        let mut shots: Vec<_> = (0..JOINS)
            .map(|number| {
                let first = fps.samples_at(number * FRAMES);
                shot(quiet, first, fps.samples_at((number + 1) * FRAMES) - first)
            })
            .collect();
        let last = fps.samples_at(JOINS * FRAMES);
        let total = fps.samples_at(JOINS * FRAMES + 12);
        shots.push(shot(click, last, total - last));
        let (file, facts) = studio.mixed(&spec(shots, Vec::new(), total)).await;
        let sound = samples(&file);
        let tail = &sound[last as usize..];
        let loudest = tail
            .iter()
            .fold(0.0f32, |most, sample| most.max(sample.abs()));
        let onset = tail
            .iter()
            .position(|sample| sample.abs() > loudest / 2.0)
            .unwrap();
        let drift = (onset as f64 - 2400.0) / RATE as f64;
        println!(
            "{rate:>10} fps: click expected at {:.6} s, {:+.6} s off ({:.4} of a frame); {} of {total} samples",
            (last + 2400) as f64 / RATE as f64,
            drift,
            drift * fps.fps(),
            facts.samples,
        );
        assert!(drift.abs() < 0.002, "{rate}: {drift}");
        assert_eq!(facts.samples, total);
        assert!((total as usize..total as usize + 1024).contains(&sound.len()));
    }
}

#[tokio::test]
async fn the_two_halves_of_a_long_sound_join_without_a_seam() {
    let mut studio = Studio::open().await;
    let length = 34 * RATE;
    let mut hiss = noise(7);
    let mut original = Vec::new();
    let clip = studio.wave("long.wav", length, |at| {
        let hiss = hiss() * 0.02;
        let frame = [sine(330.0, 0.2, at) + hiss, sine(440.0, 0.2, at) - hiss];
        original.push(frame[0]);
        frame
    });
    let (file, facts) = studio
        .mixed(&spec(vec![shot(clip, 0, length)], Vec::new(), length))
        .await;
    let gain = 10f64.powf(facts.gain_db / 20.0) as f32;
    let decoded = samples(&file);
    assert!((length as usize..length as usize + 1024).contains(&decoded.len()));
    // What the codec changed, packet by packet.
    let changed: Vec<f64> = decoded
        .chunks_exact(1024)
        .zip(original.chunks_exact(1024))
        .map(|(decoded, original)| {
            let difference: Vec<f32> = decoded
                .iter()
                .zip(original)
                .map(|(decoded, original)| decoded - original * gain)
                .collect();
            level_db(&difference)
        })
        .collect();
    let seam = (length / 2 / 76_800 * 76_800 / 1024) as usize;
    let near = seam - 8..seam + 3;
    let loudest_near = changed[near.clone()]
        .iter()
        .copied()
        .fold(f64::MIN, f64::max);
    let mut elsewhere: Vec<f64> = changed[50..seam - 50].to_vec();
    elsewhere.extend(&changed[seam + 50..changed.len() - 50]);
    let loudest_elsewhere = elsewhere.iter().copied().fold(f64::MIN, f64::max);
    println!(
        "codec noise near the seam {loudest_near:.2} dB, elsewhere up to {loudest_elsewhere:.2} dB"
    );
    // The loudest of eleven packets among the loudest of a thousand: a lost, doubled or misfit packet is 20 dB above.
    assert!(
        loudest_near <= loudest_elsewhere + 0.3,
        "{:?}",
        &changed[near]
    );
    assert!(loudest_elsewhere < -35.0, "it is the same sound at all");
}

#[tokio::test]
async fn the_same_mix_gives_the_same_bytes() {
    let mut studio = Studio::open().await;
    let length = 31 * RATE;
    let clip = studio.wave("tone.wav", length, |at| [sine(500.0, 0.3, at); 2]);
    let film = spec(vec![shot(clip, 0, length)], Vec::new(), length);
    let (file, _) = studio.mixed(&film).await;
    let first = std::fs::read(&file).unwrap();
    let (file, _) = studio.mixed(&film).await;
    assert!(std::fs::read(&file).unwrap() == first);
}
