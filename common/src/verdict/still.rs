//! Whether one picture can be held as a shot.

use super::{MAX_STILL_PIXELS, MIN_SIDE_PX, Reason, fatal, fatal_for_shot};
use crate::facts::{ClipFacts, VideoFacts};

pub(super) fn refusals(facts: &ClipFacts) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = facts.defects.iter().filter_map(fatal).collect();
    reasons.extend(facts.defects.iter().filter_map(fatal_for_shot));
    if !reasons.is_empty() {
        return reasons;
    }
    if !facts.still {
        return vec![Reason::new(
            "not_a_still",
            "not a PNG, JPEG or WebP picture; name a film as `clip`",
        )];
    }
    match &facts.video {
        Some(video) if video.frames > 0 => size_refusal(video).into_iter().collect(),
        _ => vec![Reason::new(
            "nothing_decodable",
            "no picture could be decoded",
        )],
    }
}

fn size_refusal(video: &VideoFacts) -> Option<Reason> {
    let (width, height) = (video.width, video.height);
    if u64::from(width) * u64::from(height) > MAX_STILL_PIXELS {
        Some(Reason::new(
            "too_many_pixels",
            format!("{width} × {height} is more than {MAX_STILL_PIXELS} pixels; send it smaller"),
        ))
    } else if width.min(height) < MIN_SIDE_PX {
        Some(Reason::new(
            "too_small",
            format!("{width} × {height} pixels; no side may be under {MIN_SIDE_PX}"),
        ))
    } else {
        None
    }
}
