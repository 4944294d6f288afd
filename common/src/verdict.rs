//! What a clip is good for: a pure judgement of its facts. It says what the clip is; what a given film does with it is the plan's business.
//!
//! *accept*: a copy of its pictures into a film of its own format would be right. *convert*: usable once something is repaired or changed.
//! *refuse*: not usable, and no setting of ours would make it so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{AudioFacts, ClipFacts, Container, Defect, VideoFacts};

/// Fewer are a still, not a shot.
pub const MIN_FRAMES: u64 = 2;
pub const MIN_SIDE_PX: u32 = 16;
/// A little more than DCI 4K.
pub const MAX_PIXELS: u64 = 9_000_000;
/// Share of the frames that may be lost and the clip still be used.
pub const MAX_LOST_SHARE: f64 = 0.05;
/// Rates a film can have: NTSC film to 60, both ends with room for rounding.
const MIN_FPS: f64 = 23.97;
const MAX_FPS: f64 = 60.005;
/// Sound that starts or ends this far off the pictures is repaired. Two AAC frames are 0.046 s and mean nothing.
const MAX_SOUND_GAP_SECONDS: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Accept,
    Convert,
    Refuse,
}

/// What the clip is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Pictures, with or without sound.
    Shot,
    /// Sound alone: music, narration, effects.
    Track,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// A stable snake_case word.
    pub code: String,
    pub message: String,
}

impl Reason {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Empty for accept; for refuse, only what makes it so.
    pub reasons: Vec<Reason>,
}

pub fn judge(facts: &ClipFacts, role: Role) -> Judgement {
    let refusals = match role {
        Role::Shot => shot_refusals(facts),
        Role::Track => track_refusals(facts),
    };
    if !refusals.is_empty() {
        return Judgement {
            verdict: Verdict::Refuse,
            reasons: refusals,
        };
    }
    let reasons = match role {
        Role::Shot => conversions(facts),
        // Every track is decoded and mixed anyway.
        Role::Track => Vec::new(),
    };
    let verdict = if reasons.is_empty() {
        Verdict::Accept
    } else {
        Verdict::Convert
    };
    Judgement { verdict, reasons }
}

fn shot_refusals(facts: &ClipFacts) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = facts.defects.iter().filter_map(fatal).collect();
    reasons.extend(facts.defects.iter().filter_map(fatal_for_shot));
    if !reasons.is_empty() {
        return reasons;
    }
    match (facts.container, &facts.video) {
        (None, _) => reasons.push(Reason::new(
            "unsupported_container",
            "not a container that is opened here",
        )),
        (Some(_), None) => reasons.push(Reason::new(
            "no_video",
            "there is no picture track; a shot needs pictures",
        )),
        (Some(_), Some(video)) => reasons.extend(picture_refusal(video)),
    }
    reasons
}

fn track_refusals(facts: &ClipFacts) -> Vec<Reason> {
    let reasons: Vec<Reason> = facts.defects.iter().filter_map(fatal).collect();
    if !reasons.is_empty() {
        return reasons;
    }
    match (facts.container, &facts.audio) {
        (None, _) => vec![Reason::new(
            "unsupported_container",
            "not a container that is opened here",
        )],
        (Some(_), None) => vec![Reason::new(
            "no_audio",
            "there is no sound in it; a track needs sound",
        )],
        (Some(_), Some(audio)) if audio.samples == 0 => vec![Reason::new(
            "nothing_decodable",
            "no sound could be decoded",
        )],
        (Some(_), Some(_)) => Vec::new(),
    }
}

/// Defects that spoil a file for every use.
fn fatal(defect: &Defect) -> Option<Reason> {
    match defect {
        Defect::Empty => Some(Reason::new("empty", "the file is empty")),
        Defect::Playlist => Some(Reason::new(
            "playlist",
            "a playlist that names other files; send the media itself",
        )),
        Defect::ForeignContainer { what } => Some(Reason::new(
            "unsupported_container",
            format!(
                "its bytes are {what}; send MP4, MOV, Matroska or WebM (for tracks also WAV, MP3, FLAC, Ogg or AAC)"
            ),
        )),
        Defect::TooDeeplyNested => Some(Reason::new(
            "nesting_bomb",
            "boxes are nested deeper than in any real file",
        )),
        Defect::Encrypted => Some(Reason::new("encrypted", "the media is encrypted")),
        Defect::Truncated {
            claimed_seconds,
            decoded_seconds,
        } => Some(Reason::new(
            "truncated",
            truncated_text(*claimed_seconds, *decoded_seconds),
        )),
        Defect::UndecodableAudio => Some(Reason::new(
            "undecodable_audio",
            "there is a sound track, but it cannot be decoded",
        )),
        Defect::OverLimit { .. }
        | Defect::UndecodableVideo { .. }
        | Defect::LostFrames { .. }
        | Defect::Fragmented
        | Defect::EditList
        | Defect::WrongSizes { .. } => None,
    }
}

/// Defects of the pictures: no matter for a track.
fn fatal_for_shot(defect: &Defect) -> Option<Reason> {
    match defect {
        Defect::UndecodableVideo { detail } => Some(Reason::new(
            "nothing_decodable",
            format!("no picture could be decoded: {detail}"),
        )),
        Defect::OverLimit {
            what,
            measured,
            limit,
        } if what == "pixels" => Some(Reason::new(
            "too_many_pixels",
            format!("{measured} pixels a picture; the limit is {limit}"),
        )),
        Defect::OverLimit {
            what,
            measured,
            limit,
        } => Some(Reason::new(
            "over_limit",
            format!("{measured} {what}; the limit is {limit}"),
        )),
        Defect::LostFrames { claimed, decoded }
            if lost_share(*claimed, *decoded) > MAX_LOST_SHARE =>
        {
            Some(Reason::new(
                "lost_frames",
                format!("only {decoded} of {claimed} pictures could be decoded"),
            ))
        }
        _ => None,
    }
}

fn truncated_text(claimed: Option<f64>, decoded: f64) -> String {
    match claimed {
        Some(claimed) => format!(
            "the file is cut off: it claims {claimed:.2} s and {decoded:.2} s could be decoded"
        ),
        None => format!("the file is cut off: {decoded:.2} s could be decoded"),
    }
}

fn lost_share(claimed: u64, decoded: u64) -> f64 {
    claimed.saturating_sub(decoded) as f64 / claimed.max(1) as f64
}

fn picture_refusal(video: &VideoFacts) -> Option<Reason> {
    let pixels = u64::from(video.width) * u64::from(video.height);
    if pixels > MAX_PIXELS {
        Some(Reason::new(
            "too_many_pixels",
            format!(
                "{} × {} is more than {MAX_PIXELS} pixels",
                video.width, video.height
            ),
        ))
    } else if video.frames == 0 {
        Some(Reason::new(
            "nothing_decodable",
            "no picture could be decoded",
        ))
    } else if video.frames < MIN_FRAMES {
        Some(Reason::new(
            "too_few_frames",
            format!(
                "{} picture; a shot needs at least {MIN_FRAMES}",
                video.frames
            ),
        ))
    } else if video.width.min(video.height) < MIN_SIDE_PX {
        Some(Reason::new(
            "too_small",
            format!(
                "{} × {} pixels; no side may be under {MIN_SIDE_PX}",
                video.width, video.height
            ),
        ))
    } else {
        None
    }
}

fn conversions(facts: &ClipFacts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if matches!(facts.container, Some(Container::Matroska | Container::Webm)) {
        reasons.push(Reason::new(
            "container",
            "Matroska keeps times in whole milliseconds",
        ));
    }
    if let Some(video) = &facts.video {
        format_conversions(video, &mut reasons);
        timing_conversions(video, &mut reasons);
        if let Some(audio) = &facts.audio {
            sound_conversions(video, audio, &mut reasons);
        }
    }
    reasons.extend(facts.defects.iter().filter_map(repairable));
    if facts.extra_streams > 0 {
        reasons.push(Reason::new(
            "extra_streams",
            format!(
                "{} more streams than one picture and one sound",
                facts.extra_streams
            ),
        ));
    }
    reasons
}

fn format_conversions(video: &VideoFacts, reasons: &mut Vec<Reason>) {
    let mut add = |applies: bool, code: &str, message: String| {
        if applies {
            reasons.push(Reason::new(code, message));
        }
    };
    add(
        video.codec != "h264",
        "codec",
        format!("the pictures are {}, not h264", video.codec),
    );
    let plain = matches!(video.pixel_format.as_str(), "yuv420p" | "yuvj420p");
    add(
        !plain,
        "pixel_format",
        format!("{} is not 4:2:0 in 8 bits", video.pixel_format),
    );
    add(video.alpha, "alpha", "transparency is flattened".to_owned());
    add(
        video.colour.full_range,
        "full_range",
        "full instead of limited range".to_owned(),
    );
    let hdr = video.colour.is_hdr();
    add(hdr, "hdr", "high dynamic range is tone-mapped".to_owned());
    add(
        !hdr && !video.colour.is_bt709(),
        "colour",
        "colours are not BT.709".to_owned(),
    );
    add(
        video.sar.0 != video.sar.1,
        "sample_aspect",
        format!("pixels are {}:{}, not square", video.sar.0, video.sar.1),
    );
    let turned = video.rotation_degrees != 0 || video.mirrored;
    add(
        turned,
        "rotation",
        format!(
            "to be turned by {}°{}",
            video.rotation_degrees,
            if video.mirrored { " and mirrored" } else { "" }
        ),
    );
    add(
        video.interlaced,
        "interlaced",
        "pictures are interlaced".to_owned(),
    );
    add(
        video.size_changes,
        "size_change",
        "the picture size changes inside the clip".to_owned(),
    );
}

fn timing_conversions(video: &VideoFacts, reasons: &mut Vec<Reason>) {
    let fps = video.frame_rate.fps();
    if !(MIN_FPS..=MAX_FPS).contains(&fps) {
        reasons.push(Reason::new(
            "frame_rate",
            format!("{fps:.3} frames per second; 23.976 to 60 are copied"),
        ));
    }
    if !video.constant_rate {
        reasons.push(Reason::new(
            "variable_rate",
            "pictures are not evenly spaced",
        ));
    }
    if video.start_seconds.abs() > 0.5 / fps.max(1.0) {
        reasons.push(Reason::new(
            "start_offset",
            format!("the first picture is at {:.3} s", video.start_seconds),
        ));
    }
    if !video.starts_on_idr {
        reasons.push(Reason::new(
            "no_idr_start",
            "the first picture cannot be decoded on its own",
        ));
    }
}

fn sound_conversions(video: &VideoFacts, audio: &AudioFacts, reasons: &mut Vec<Reason>) {
    let late = audio.start_offset_seconds;
    if late > MAX_SOUND_GAP_SECONDS {
        reasons.push(Reason::new(
            "audio_late",
            format!("sound starts {late:.3} s after the first picture"),
        ));
    }
    let missing = video.duration_seconds - (late + audio.duration_seconds());
    if missing > MAX_SOUND_GAP_SECONDS {
        reasons.push(Reason::new(
            "audio_short",
            format!("sound ends {missing:.3} s before the pictures"),
        ));
    }
}

fn repairable(defect: &Defect) -> Option<Reason> {
    match defect {
        Defect::LostFrames { claimed, decoded } => Some(Reason::new(
            "lost_frames",
            format!(
                "{} of {claimed} pictures could not be decoded",
                claimed.saturating_sub(*decoded)
            ),
        )),
        Defect::Fragmented => Some(Reason::new(
            "fragmented",
            "movie fragments instead of one index",
        )),
        Defect::EditList => Some(Reason::new(
            "edit_list",
            "an edit list hides, delays or repeats pictures",
        )),
        Defect::WrongSizes { detail } => Some(Reason::new(
            "wrong_sizes",
            format!("sizes in the file contradict its bytes: {detail}"),
        )),
        // Fatal ones were handled before.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Colour;
    use crate::units::FrameRate;

    fn clean() -> ClipFacts {
        ClipFacts {
            bytes: 1_000_000,
            container: Some(Container::Mp4),
            video: Some(VideoFacts {
                codec: "h264".to_owned(),
                profile: Some("High".to_owned()),
                width: 1280,
                height: 720,
                sar: (1, 1),
                rotation_degrees: 0,
                mirrored: false,
                pixel_format: "yuv420p".to_owned(),
                bit_depth: 8,
                alpha: false,
                colour: Colour::default(),
                interlaced: false,
                frame_rate: FrameRate::new(24, 1).unwrap(),
                constant_rate: true,
                frames: 120,
                start_seconds: 0.0,
                duration_seconds: 5.0,
                claimed_duration_seconds: Some(5.0),
                timescale: 12288,
                starts_on_idr: true,
                reorder_frames: 2,
                parameter_sets: None,
                size_changes: false,
            }),
            audio: Some(AudioFacts {
                codec: "aac".to_owned(),
                sample_rate_hz: 48_000,
                channels: 2,
                start_offset_seconds: 0.0,
                samples: 240_000,
                integrated_lufs: Some(-14.0),
                true_peak_dbtp: Some(-1.0),
            }),
            extra_streams: 0,
            defects: Vec::new(),
        }
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
}
