//! Work that moves says so, whether or not it can say how far it is. Work that hangs says nothing.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use botflix_media::{Call, MediaError, Program, inspect};

use crate::process::{child_with, endless};
use crate::studio::Studio;
use crate::watched::watched;

/// A third of what a farm's lease allows.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_long_sound_shows_signs_of_life_while_it_is_inspected() {
    let studio = Studio::open().await;
    let clip = studio.ffmpeg(
        "-f lavfi -i sine=sample_rate=16000:duration=600",
        "narration.wav",
    );
    let (ctx, told) = watched(&studio.context, Duration::ZERO);
    let facts = inspect(&ctx, &clip).await.unwrap();
    assert!(facts.video.is_none() && facts.audio.is_some());
    let fractions = told.fractions();
    assert!(fractions.is_sorted());
    assert_eq!(fractions.last(), Some(&1.0));
    // 38 MB come out of the decoder, at most 64 KiB at once.
    assert!(told.times(0.0, 1.0) >= 500, "{}", fractions.len());
    assert!(
        told.longest_silence() < LONG,
        "{:?}",
        told.longest_silence()
    );
}

#[tokio::test]
async fn a_call_of_unknown_length_and_a_quiet_one_show_signs_of_life() {
    let studio = Studio::open().await;
    let (ctx, told) = watched(&studio.context, Duration::ZERO);
    let slow = || {
        Call::new(Program::Ffmpeg).args([
            "-re", "-f", "lavfi", "-i", "anullsrc", "-t", "2", "-f", "null", "-",
        ])
    };
    ctx.run(slow()).await.unwrap();
    let of_unknown_length = told.fractions().len();
    assert!(of_unknown_length >= 2, "{of_unknown_length}");
    ctx.quiet().run(slow().media_seconds(2.0)).await.unwrap();
    let fractions = told.fractions();
    assert!(fractions.len() >= of_unknown_length + 2, "{fractions:?}");
    assert!(fractions.iter().all(|fraction| *fraction == 0.0));
}

#[tokio::test]
async fn a_child_that_never_begins_shows_no_sign_of_life() {
    let studio = Studio::open().await;
    let pipe = studio.path("never");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let (ctx, told) = watched(&studio.context, Duration::ZERO);
    let stuck = Call::new(Program::Ffmpeg)
        .own_input(Path::new(&pipe))
        .args(["-f", "null", "-"])
        .media_seconds(10.0)
        .stall_limit(Duration::from_millis(2500));
    let outcome = ctx.run(stuck).await;
    assert!(
        matches!(outcome, Err(MediaError::Stalled { .. })),
        "{outcome:?}"
    );
    assert_eq!(told.fractions(), Vec::<f64>::new());
}

#[tokio::test]
async fn a_child_that_hangs_midway_shows_no_sign_of_life_any_more() {
    let studio = Studio::open().await;
    let (ctx, told) = watched(&studio.context, Duration::ZERO);
    let call = endless("hangs-midway").stall_limit(Duration::from_secs(5));
    let running = tokio::spawn(async move { ctx.run(call).await });
    let child = child_with("hangs-midway").await;
    let start = Instant::now();
    while told.fractions().len() < 2 {
        assert!(start.elapsed() < LONG, "waited in vain for a sign of life");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stopped = Command::new("kill")
        .args(["-STOP", &child.to_string()])
        .status();
    assert!(stopped.unwrap().success());
    // What it had written before is read.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = told.fractions().len();
    let outcome = running.await.unwrap();
    assert!(
        matches!(outcome, Err(MediaError::Stalled { .. })),
        "{outcome:?}"
    );
    assert_eq!(told.fractions().len(), before);
}
