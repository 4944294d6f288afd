//! Clip facts as a table for people.

use std::fmt::Write as _;
use std::path::Path;

use botflix_common::facts::{AudioFacts, ClipFacts, VideoFacts};
use botflix_common::verdict::{Judgement, Verdict};

use super::{duration, size, timecode};

/// Nobody hears less of a distance between picture and sound.
const LEAST_OFFSET_SECONDS: f64 = 0.005;

pub fn table(file: &Path, judgement: &Judgement, facts: &ClipFacts) -> String {
    let verdict = match judgement.verdict {
        Verdict::Accept => "accept",
        Verdict::Convert => "convert",
        Verdict::Refuse => "refuse",
    };
    let container = facts.container.map_or_else(
        || "unknown".to_owned(),
        |container| format!("{container:?}").to_lowercase(),
    );
    let mut rows = vec![
        ("file", file.display().to_string()),
        ("verdict", verdict.to_owned()),
        ("container", format!("{container}, {}", size(facts.bytes))),
    ];
    match &facts.video {
        Some(video) if facts.still => rows.push(("picture", still(video))),
        Some(video) => rows.push(("picture", picture(video))),
        None => rows.push(("picture", "none".to_owned())),
    }
    match &facts.audio {
        Some(audio) => rows.push(("sound", sound(audio))),
        None => rows.push(("sound", "none".to_owned())),
    }
    for reason in &judgement.reasons {
        rows.push(("reason", format!("{} [{}]", reason.message, reason.code)));
    }
    let mut text = String::new();
    for (name, value) in rows {
        // Writing to a string cannot fail.
        writeln!(text, "{name:<10} {value}").unwrap_or_default();
    }
    text.trim_end().to_owned()
}

fn still(video: &VideoFacts) -> String {
    let (width, height) = video.display_size();
    let alpha = if video.alpha {
        ", with transparency"
    } else {
        ""
    };
    format!(
        "{} {width}x{height}, {}{alpha}",
        video.codec, video.pixel_format
    )
}

fn picture(video: &VideoFacts) -> String {
    let (width, height) = video.display_size();
    let rate = if video.constant_rate {
        ""
    } else {
        " (variable)"
    };
    let mut text = format!(
        "{} {width}x{height}, {:.3} fps{rate}, {} frames, {}, {}",
        video.codec,
        video.frame_rate.fps(),
        video.frames,
        duration(video.duration_seconds),
        video.pixel_format,
    );
    if video.rotation_degrees != 0 {
        text.push_str(&format!(", rotated by {} degrees", video.rotation_degrees));
    }
    if !video.idr_frames.is_empty() {
        text.push_str(&format!(
            ", {} pictures to cut at without encoding",
            video.idr_frames.len()
        ));
    }
    if video.interlaced {
        text.push_str(", interlaced");
    }
    if video.colour.is_hdr() {
        text.push_str(", HDR");
    }
    text
}

fn sound(audio: &AudioFacts) -> String {
    let channels = match audio.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        more => format!("{more} channels"),
    };
    let loudness = audio
        .integrated_lufs
        .map_or_else(|| "silent".to_owned(), |lufs| format!("{lufs:.1} LUFS"));
    let peak = audio
        .true_peak_dbtp
        .map_or_else(String::new, |peak| format!(", peak {peak:.1} dBTP"));
    let offset = if audio.start_offset_seconds.abs() < LEAST_OFFSET_SECONDS {
        String::new()
    } else {
        format!(", starts at {}", timecode(audio.start_offset_seconds))
    };
    format!(
        "{} {channels}, {} Hz, {}, {loudness}{peak}{offset}",
        audio.codec,
        audio.sample_rate_hz,
        duration(audio.duration_seconds()),
    )
}
