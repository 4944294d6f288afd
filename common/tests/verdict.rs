//! The verdicts of the security design, case by case, on facts made by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use botflix_common::facts::{ClipFacts, Container, Defect, VideoFacts};
use botflix_common::fixtures;
use botflix_common::units::FrameRate;
use botflix_common::verdict::{Judgement, Role, Verdict, judge};

fn clean() -> ClipFacts {
    fixtures::clip(1280, 720, FrameRate::new(24, 1).unwrap(), 120)
}

fn codes(facts: &ClipFacts, role: Role) -> (Verdict, Vec<String>) {
    let judgement = judge(facts, role);
    (
        judgement.verdict,
        judgement
            .reasons
            .into_iter()
            .map(|reason| reason.code)
            .collect(),
    )
}

fn with_video(change: impl FnOnce(&mut VideoFacts)) -> ClipFacts {
    let mut facts = clean();
    change(facts.video.as_mut().unwrap());
    facts
}

#[test]
fn a_clean_clip_is_accepted_portrait_or_without_sound_too() {
    assert_eq!(codes(&clean(), Role::Shot), (Verdict::Accept, vec![]));
    let mut portrait = with_video(|video| (video.width, video.height) = (720, 1280));
    portrait.audio = None;
    assert_eq!(codes(&portrait, Role::Shot), (Verdict::Accept, vec![]));
}

#[test]
fn each_property_of_the_pictures_that_forbids_a_copy_asks_for_conversion() {
    type Change = fn(&mut VideoFacts);
    let cases: [(&str, Change); 11] = [
        ("codec", |v| v.codec = "hevc".to_owned()),
        ("pixel_format", |v| {
            v.pixel_format = "yuv420p10le".to_owned()
        }),
        ("full_range", |v| v.colour.full_range = true),
        ("hdr", |v| v.colour.transfer = Some("smpte2084".to_owned())),
        ("colour", |v| v.colour.matrix = Some("smpte170m".to_owned())),
        ("sample_aspect", |v| v.sar = (4, 3)),
        ("rotation", |v| v.rotation_degrees = 90),
        ("interlaced", |v| v.interlaced = true),
        ("variable_rate", |v| v.constant_rate = false),
        ("start_offset", |v| v.start_seconds = 0.2),
        ("no_idr_start", |v| v.starts_on_idr = false),
    ];
    for (code, change) in cases {
        assert_eq!(
            codes(&with_video(change), Role::Shot),
            (Verdict::Convert, vec![code.to_owned()])
        );
    }
}

#[test]
fn five_percent_of_lost_frames_are_repaired_and_more_are_refused() {
    let mut facts = clean();
    facts.defects = vec![Defect::LostFrames {
        claimed: 100,
        decoded: 95,
    }];
    assert_eq!(codes(&facts, Role::Shot).0, Verdict::Convert);
    facts.defects = vec![Defect::LostFrames {
        claimed: 100,
        decoded: 94,
    }];
    assert_eq!(
        codes(&facts, Role::Shot),
        (Verdict::Refuse, vec!["lost_frames".to_owned()])
    );
}

#[test]
fn a_sound_file_is_a_track_and_no_shot() {
    let mut facts = clean();
    facts.container = Some(Container::Wav);
    facts.video = None;
    assert_eq!(codes(&facts, Role::Track), (Verdict::Accept, vec![]));
    assert_eq!(
        codes(&facts, Role::Shot),
        (Verdict::Refuse, vec!["no_video".to_owned()])
    );
    facts.defects = vec![Defect::UndecodableAudio];
    assert_eq!(
        codes(&facts, Role::Track),
        (Verdict::Refuse, vec!["undecodable_audio".to_owned()])
    );
}

#[test]
fn size_limits_are_inclusive() {
    assert_eq!(
        codes(&with_video(|v| (v.width, v.height) = (16, 16)), Role::Shot).0,
        Verdict::Accept
    );
    assert_eq!(
        codes(&with_video(|v| v.width = 15), Role::Shot),
        (Verdict::Refuse, vec!["too_small".to_owned()])
    );
    assert_eq!(
        codes(
            &with_video(|v| (v.width, v.height) = (3000, 3000)),
            Role::Shot
        )
        .0,
        Verdict::Accept
    );
    assert_eq!(
        codes(&with_video(|v| v.frames = 1), Role::Shot),
        (Verdict::Refuse, vec!["too_few_frames".to_owned()])
    );
}

#[test]
fn sound_that_ends_early_is_a_conversion_and_a_judgement_survives_json() {
    let mut facts = clean();
    facts.audio.as_mut().unwrap().samples = 200_000;
    let judgement = judge(&facts, Role::Shot);
    assert_eq!(judgement.reasons[0].code, "audio_short");
    let json = serde_json::to_string(&judgement).unwrap();
    assert!(json.contains(r#""verdict":"convert""#));
    assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judgement);
}
