//! Titles over pictures: there at exactly their frames, faded by exactly their frames, and never anything but text.

use botflix_common::film::{Rgb, TitlePosition, TitleStyle};
use botflix_common::task::Overlay;

use crate::clips::{cropped_colours, ffmpeg};
use crate::stage::{Stage, clip, colour, spec};

pub fn title(text: &str, from_frame: i64, to_frame: i64) -> Overlay {
    Overlay {
        id: "t1".to_owned(),
        text: text.to_owned(),
        position: TitlePosition::Center,
        style: TitleStyle::Headline,
        colour: None,
        background: Some(Rgb::WHITE),
        size: Some(0.4),
        from_frame,
        to_frame,
        fade_frames: 0,
    }
}

/// Luma of the plate's rim left of the letters, which is white at 0.75 over black: 16 + 219 × 0.75.
const PLATE: f64 = 180.0;

async fn rim(stage: &Stage, overlay: Overlay, frames: u64) -> Vec<f64> {
    let mut spec = spec(colour(Rgb::BLACK), frames);
    spec.overlays = vec![overlay];
    let out = stage.segment("titled.mp4", &spec, &[]).await;
    cropped_colours(&out, "16:16:144:60")
        .iter()
        .map(|[luma, ..]| f64::from(*luma))
        .collect()
}

#[tokio::test]
async fn a_title_is_there_at_exactly_its_frames() {
    let stage = Stage::open().await;
    // A full block fills its line.
    let seen = rim(&stage, title("I", 5, 15), 20).await;
    for (frame, luma) in seen.iter().enumerate() {
        let there = (5..15).contains(&frame);
        assert_eq!(*luma > 60.0, there, "frame {frame}: {seen:?}");
    }
    // It began before the segment and ends after it.
    let seen = rim(&stage, title("I", -3, 40), 8).await;
    assert!(seen.iter().all(|luma| *luma > 60.0), "{seen:?}");
}

#[tokio::test]
async fn a_fade_has_its_exact_weight_at_each_frame() {
    let stage = Stage::open().await;
    let mut faded = title("I", 2, 18);
    faded.fade_frames = 4;
    let seen = rim(&stage, faded.clone(), 20).await;
    let full = seen[10];
    let weight = |frame: usize| -> f64 {
        match frame {
            2..18 => ((frame as f64 - 1.0) / 5.0)
                .min((18.0 - frame as f64) / 5.0)
                .min(1.0),
            _ => 0.0,
        }
    };
    for (frame, luma) in seen.iter().enumerate() {
        let expected = 16.0 + (full - 16.0) * weight(frame);
        assert!(
            (luma - expected).abs() < 4.0,
            "frame {frame}: {luma} for {expected}: {seen:?}"
        );
    }
    assert!((PLATE - full).abs() < 60.0, "{full}");

    // The same title seen by a later segment of the same film.
    faded.from_frame -= 10;
    faded.to_frame -= 10;
    let later = rim(&stage, faded, 10).await;
    for (frame, luma) in later.iter().enumerate() {
        assert!(
            (luma - seen[frame + 10]).abs() < 4.0,
            "{later:?} for {seen:?}"
        );
    }
}

#[tokio::test]
async fn text_that_looks_like_a_filter_is_shown_and_a_missing_glyph_is_the_directors() {
    let stage = Stage::open().await;
    let file = stage.path("clip.mp4");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=24:d=1",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
        ],
        &file,
    );
    let mut shot = spec(clip(&file), 12);
    shot.overlays = vec![
        title("';[x]movie=/etc/passwd,%{pts}\\:$(reboot)", 0, 12),
        title("مرحبا بالعالم", 2, 10),
        title("नमस्ते", 2, 10),
    ];
    for overlay in &mut shot.overlays {
        overlay.size = None;
        overlay.style = TitleStyle::Caption;
    }
    stage.segment("odd.mp4", &shot, &[&file]).await;

    shot.overlays = vec![title("\u{10FFF0}", 0, 12)];
    let error = stage
        .conformed(&shot, &[&file], &stage.path("no.mp4"))
        .await
        .expect_err("no font has it");
    let failure = error.failure();
    assert_eq!(failure.code, "glyph_missing");
    assert!(failure.message.contains("t1") && failure.message.contains("U+10FFF0"));
}
