//! What a clip is good for: a pure judgement of its facts. It says what the clip is; what a given film does with it is the plan's business.
//!
//! *accept*: a copy of its pictures into a film of its own format would be right. *convert*: usable once something is repaired or changed.
//! *refuse*: not usable, and no setting of ours would make it so.

mod conversion;
mod still;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{ClipFacts, Defect, VideoFacts};

/// Fewer are a still, not a shot.
pub const MIN_FRAMES: u64 = 2;
pub const MIN_SIDE_PX: u32 = 16;
/// A little more than DCI 4K.
pub const MAX_PIXELS: u64 = 9_000_000;
/// Share of the frames that may be lost and the clip still be used.
pub const MAX_LOST_SHARE: f64 = 0.05;
/// 100 megapixels in any shape: what the largest cameras make. Decoded at four bytes a pixel it fills 400 MB.
pub const MAX_STILL_PIXELS: u64 = 100_000_000;

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
    /// One picture that is held.
    Still,
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
        Role::Still => still::refusals(facts),
        Role::Track => track_refusals(facts),
    };
    if !refusals.is_empty() {
        return Judgement {
            verdict: Verdict::Refuse,
            reasons: refusals,
        };
    }
    let reasons = match role {
        Role::Shot => conversion::reasons(facts),
        // Every still is drawn, every track is decoded and mixed anyway.
        Role::Still | Role::Track => Vec::new(),
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
        _ if facts.still => reasons.push(Reason::new(
            "still",
            "a still picture; name it as `still`, with a duration",
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
                "its bytes are {what}; send MP4, MOV, Matroska or WebM (for stills PNG, JPEG or WebP; for tracks also WAV, MP3, FLAC, Ogg or AAC)"
            ),
        )),
        Defect::TooDeeplyNested => Some(Reason::new(
            "nesting_bomb",
            "boxes are nested deeper than in any real file",
        )),
        Defect::Encrypted => Some(Reason::new("encrypted", "the media is encrypted")),
        Defect::AnimatedImage => Some(Reason::new(
            "animated_image",
            "an animated picture; send it as MP4 or WebM, or one picture of it",
        )),
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
        Defect::OverLimit {
            what,
            measured,
            limit,
        } if what == "streams" => Some(over_limit(what, *measured, *limit)),
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
        } => Some(over_limit(what, *measured, *limit)),
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

fn over_limit(what: &str, measured: f64, limit: f64) -> Reason {
    let code = if what == "pixels" {
        "too_many_pixels"
    } else {
        "over_limit"
    };
    Reason::new(code, format!("{measured} {what}; the limit is {limit}"))
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
