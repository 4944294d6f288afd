//! Sounds that do not fill their shots, overlap, fade, or are no sounds.

use botflix_common::task::Fade;

use crate::clips::{ffmpeg, samples};
use crate::studio::{RATE, Studio, level_db, noise, shot, sine, spec};

#[tokio::test]
async fn sound_that_ends_early_or_starts_late_leaves_silence_and_the_next_shot_in_its_place() {
    let mut studio = Studio::open().await;
    let half = studio.wave("half.wav", RATE / 2, |at| [sine(1000.0, 0.5, at); 2]);
    let mut early = shot(half, 0, RATE);
    early.gain_db = -6.0;
    let mut late = shot(half, RATE, RATE);
    late.clip_sound_offset_seconds = 0.25;
    let never = shot(half, 2 * RATE, RATE);
    let mut never = never;
    never.clip_start_seconds = 7.0;
    let (file, _) = studio
        .mixed(&spec(vec![early, late, never], Vec::new(), 3 * RATE))
        .await;
    let sound = samples(&file);
    let level = |from: u64, to: u64| level_db(&sound[from as usize..to as usize]);
    // AAC rings for up to a packet around an onset or an end.
    let silent = -50.0;
    assert!(level(26_000, 46_000) < silent);
    assert!(level(50_000, 58_000) < silent);
    assert!(level(86_000, 144_000) < silent);
    let (first, second) = (level(2000, 22_000), level(62_000, 82_000));
    assert!((second - first - 6.0).abs() < 0.3, "{first} {second}");
    let onset = (48_000..96_000).find(|at| sound[*at].abs() > 0.1).unwrap();
    assert!(onset.abs_diff(60_000) < 100, "{onset}");
}

#[tokio::test]
async fn a_dissolve_of_unrelated_sounds_is_as_loud_in_its_middle_as_beside_it() {
    let mut studio = Studio::open().await;
    let [a, b] = [11, 12].map(|seed| {
        let mut hiss = noise(seed);
        studio.wave(&format!("noise-{seed}.wav"), 3 * RATE, move |_| {
            [hiss() * 0.1; 2]
        })
    });
    let mut out = shot(a, 0, 3 * RATE);
    out.fade_out = Fade::equal_power(RATE);
    let mut into = shot(b, 2 * RATE, 3 * RATE);
    into.fade_in = Fade::equal_power(RATE);
    into.fade_out = Fade::linear(RATE / 2);
    let (file, _) = studio
        .mixed(&spec(vec![out, into], Vec::new(), 5 * RATE))
        .await;
    let sound = samples(&file);
    let level = |from: f64, to: f64| {
        level_db(&sound[(from * RATE as f64) as usize..(to * RATE as f64) as usize])
    };
    let beside = level(0.5, 1.5);
    for (from, to) in [(2.0, 2.3), (2.35, 2.65), (2.7, 3.0), (3.2, 4.2)] {
        assert!(
            (level(from, to) - beside).abs() < 0.5,
            "{from}: {} {beside}",
            level(from, to)
        );
    }
    // A linear fade is at a half, −6 dB, in its middle, and at nothing at its end.
    assert!((level(4.74, 4.76) - beside + 6.0).abs() < 1.0);
    assert!(level(4.995, 5.0) < beside - 25.0);
}

#[tokio::test]
async fn samples_that_are_no_numbers_are_silent_and_spoil_nothing() {
    let mut studio = Studio::open().await;
    let clip = studio.wave("odd.wav", 2 * RATE, |at| {
        let value = match at {
            10_000 => f32::NAN,
            10_001 => f32::INFINITY,
            10_002 => f32::NEG_INFINITY,
            _ => sine(440.0, 0.2, at),
        };
        [value; 2]
    });
    let film = spec(vec![shot(clip, 0, 2 * RATE)], Vec::new(), 2 * RATE);
    let (file, facts) = studio.mixed(&film).await;
    assert!(
        (facts.integrated_lufs.unwrap() + 14.0).abs() < 0.3,
        "{facts:?}"
    );
    assert!(samples(&file).iter().all(|sample| sample.is_finite()));
}

#[tokio::test]
async fn aac_that_breaks_off_in_the_middle_is_decoded_by_ffmpeg_as_far_as_it_goes() {
    let mut studio = Studio::open().await;
    let path = studio.path("clip.mp4");
    ffmpeg(
        &["-f", "lavfi", "-i", "sine=f=500:r=48000:d=2", "-c:a", "aac"],
        &path,
    );
    let mut bytes = std::fs::read(&path).unwrap();
    let media = bytes.windows(4).position(|kind| kind == b"mdat").unwrap() + 4;
    // Packets in the middle, overwritten.
    let middle = media + 8000;
    bytes[middle..middle + 1500].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let clip = studio.clip(&path);
    let film = spec(vec![shot(clip, 0, 2 * RATE)], Vec::new(), 2 * RATE);
    let (file, _) = studio.mixed(&film).await;
    let sound = samples(&file);
    assert!(level_db(&sound[2000..10_000]) > -30.0);
    assert!(level_db(&sound[86_000..94_000]) > -30.0);
}
