//! What must be changed before a clip's pictures can be copied into a film, one reason each.

use super::Reason;
use crate::facts::{AudioFacts, ClipFacts, Container, Defect, VideoFacts};

/// Rates a film can have: NTSC film to 60, both ends with room for rounding.
const MIN_FPS: f64 = 23.97;
const MAX_FPS: f64 = 60.005;
/// Sound that starts or ends this far off the pictures is repaired. Two AAC frames are 0.046 s and mean nothing.
const MAX_SOUND_GAP_SECONDS: f64 = 0.1;

pub(super) fn reasons(facts: &ClipFacts) -> Vec<Reason> {
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
    if !video.constant_rate {
        reasons.push(Reason::new(
            "variable_rate",
            "pictures are not evenly spaced",
        ));
    } else if !(MIN_FPS..=MAX_FPS).contains(&fps) {
        reasons.push(Reason::new(
            "frame_rate",
            format!("{fps:.3} frames per second; 23.976 to 60 are copied"),
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
