//! Plans of small manifests, compared with what they must be.

use super::*;
use crate::facts::{AudioFacts, Colour, Container, VideoFacts};
use crate::manifest::read::read_manifest;
use crate::task::{SegmentSource, TaskSpec};
use crate::units::FrameRate;

fn clip(name: &str) -> Sha {
    Sha::of(name.as_bytes())
}

fn facts(width: u32, height: u32, fps: FrameRate, frames: u64) -> ClipFacts {
    ClipFacts {
        bytes: 1000,
        container: Some(Container::Mp4),
        video: Some(VideoFacts {
            codec: "h264".into(),
            profile: Some("High".into()),
            width,
            height,
            sar: (1, 1),
            rotation_degrees: 0,
            mirrored: false,
            pixel_format: "yuv420p".into(),
            bit_depth: 8,
            alpha: false,
            colour: Colour::default(),
            interlaced: false,
            frame_rate: fps,
            constant_rate: true,
            frames,
            start_seconds: 0.0,
            duration_seconds: fps.seconds_at(frames),
            claimed_duration_seconds: None,
            timescale: fps.timescale().0,
            starts_on_idr: true,
            reorder_frames: 2,
            parameter_sets: Some("aa".into()),
            size_changes: false,
        }),
        audio: Some(AudioFacts {
            codec: "aac".into(),
            sample_rate_hz: 48000,
            channels: 2,
            start_offset_seconds: 0.0,
            samples: fps.samples_at(frames),
            integrated_lufs: Some(-20.0),
            true_peak_dbtp: Some(-3.0),
        }),
        extra_streams: 0,
        defects: vec![],
    }
}

fn rate(num: u32, den: u32) -> FrameRate {
    FrameRate::new(num, den).unwrap()
}

fn manifest(shots: &str, rest: &str) -> ShotManifest {
    let text = format!(r#"{{"title": "T", "shots": [{shots}]{rest}}}"#);
    read_manifest(text.as_bytes()).unwrap()
}

fn shot(id: &str, name: &str, rest: &str) -> String {
    format!(
        r#"{{"id": "{id}", "source": {{"clip": "{}"}}{rest}}}"#,
        clip(name)
    )
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.tasks.iter().map(|task| task.kind().name()).collect()
}

#[test]
fn equal_clips_in_the_films_own_format_are_copied() {
    let known = FactsByClip::from([(clip("a"), facts(1280, 720, rate(24, 1), 48))]);
    let manifest = manifest(&[shot("1", "a", ""), shot("2", "a", "")].join(","), "");
    let plan = plan(&manifest, &known).unwrap();
    assert_eq!(kinds(&plan), ["mix", "assemble", "check", "package"]);
    assert_eq!(plan.total_frames, 96);
    assert_eq!(plan.total_samples, 4 * 48_000);
}

#[test]
fn one_odd_shot_makes_every_shot_conform_because_parameter_sets_would_differ() {
    let known = FactsByClip::from([
        (clip("a"), facts(1280, 720, rate(24, 1), 48)),
        (clip("b"), facts(640, 480, rate(25, 1), 50)),
    ]);
    let manifest = manifest(&[shot("1", "a", ""), shot("2", "b", "")].join(","), "");
    let plan = plan(&manifest, &known).unwrap();
    assert_eq!(
        kinds(&plan),
        ["conform", "conform", "mix", "assemble", "check", "package"]
    );
    assert_eq!(plan.format.fps, rate(24, 1));
}

#[test]
fn changing_one_shot_changes_one_segment_key() {
    let known = FactsByClip::from([
        (clip("a"), facts(1280, 720, rate(24, 1), 48)),
        (clip("b"), facts(640, 480, rate(25, 1), 50)),
        (clip("c"), facts(640, 480, rate(25, 1), 50)),
    ]);
    let segment_keys = |last: &str| {
        let manifest = manifest(
            &[shot("1", "a", ""), shot("2", "b", ""), shot("3", last, "")].join(","),
            r#", "format": {"width": 1280, "height": 720, "fps": 24}"#,
        );
        let plan = plan(&manifest, &known).unwrap();
        plan.tasks
            .iter()
            .filter(|task| matches!(task.spec, TaskSpec::Conform(_)))
            .map(|task| task.key)
            .collect::<Vec<_>>()
    };
    let (before, after) = (segment_keys("a"), segment_keys("c"));
    let new = after.iter().filter(|key| !before.contains(key)).count();
    assert_eq!(new, 1);
}

#[test]
fn rounding_never_adds_up_over_240_shots() {
    // 1.01 s at 24 fps is 24.24 frames: rounded shot by shot, 240 of them would lose more than two seconds.
    let known = FactsByClip::from([(clip("a"), facts(320, 180, rate(100, 1), 101))]);
    let shots: Vec<String> = (0..240).map(|at| shot(&at.to_string(), "a", "")).collect();
    let manifest = manifest(
        &shots.join(","),
        r#", "format": {"width": 320, "height": 180, "fps": "24000/1001"}"#,
    );
    let plan = plan(&manifest, &known).unwrap();
    let exact = 240.0 * 1.01;
    assert!((plan.duration_seconds - exact).abs() < 0.5 / 23.976);
    let frames: u64 = plan.ledger.iter().map(|row| row.frames).sum();
    assert_eq!(frames, plan.total_frames);
    assert_eq!(plan.total_samples, plan.format.fps.samples_at(frames));
}

#[test]
fn trims_past_the_end_and_unknown_clips_are_all_reported_with_pointers() {
    let known = FactsByClip::from([(clip("a"), facts(320, 180, rate(24, 1), 48))]);
    let manifest = manifest(
        &[
            shot("1", "a", r#", "trim": {"start": 1.0, "end": 2.5}"#),
            shot("2", "nowhere", ""),
            shot("3", "a", r#", "trim": {"start": 9}"#),
        ]
        .join(","),
        "",
    );
    let problems = plan(&manifest, &known).unwrap_err();
    let pointers: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/shots/1/source/clip",
            "/shots/0/trim/end",
            "/shots/2/trim/start"
        ]
    );
}

#[test]
fn beats_become_chapters_and_lines_become_captions_in_film_time() {
    let known = FactsByClip::from([(clip("a"), facts(320, 180, rate(24, 1), 48))]);
    let manifest = manifest(
        &[
            shot("1", "a", r#", "beat": "one""#),
            shot("2", "a", r#", "beat": "one""#),
            shot(
                "3",
                "a",
                r#", "beat": "two", "dialogue": [{"text": "Hello", "start": 0.5}]"#,
            ),
        ]
        .join(","),
        r#", "beats": [{"id": "one", "name": "Opening"}, {"id": "two", "name": "Storm"}]"#,
    );
    let plan = plan(&manifest, &known).unwrap();
    let Some(TaskSpec::Assemble(assemble)) = plan
        .only(crate::task::TaskKind::Assemble)
        .map(|task| &task.spec)
    else {
        panic!("no assemble task");
    };
    let chapters: Vec<(f64, &str)> = assemble
        .chapters
        .iter()
        .map(|chapter| (chapter.start_seconds, chapter.title.as_str()))
        .collect();
    assert_eq!(chapters, [(0.0, "Opening"), (4.0, "Storm")]);
    assert_eq!(assemble.captions.len(), 1);
    assert_eq!(assemble.captions[0].start_seconds, 4.5);
    assert_eq!(assemble.captions[0].end_seconds, 6.0);
    assert!(matches!(
        assemble.segments[0].source,
        SegmentSource::Copy { .. }
    ));
}
