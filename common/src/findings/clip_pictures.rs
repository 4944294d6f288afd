//! What is wrong with the pictures of a clip, whatever it is used for.

use super::rules;
use crate::facts::pictures::Bars;
use crate::facts::{ClipFacts, PictureObservations, Span, VideoFacts};
use crate::finding::Finding;

/// Pictures of fewer bits than this are no sample: one key picture alone may be large or small.
const MIN_RATED_SECONDS: f64 = 1.0;
/// Pictures that hardly move need few bits: mean change of luma, codes.
const MOVING_CODES: f64 = 1.0;
/// What later codecs need for the same picture, against H.264.
const LATER_CODECS_SHARE: f64 = 0.5;
/// Opposite bars are equally thick, give or take this share of the side.
const BAR_DIFFERENCE: f64 = 0.02;

pub(super) fn findings(facts: &ClipFacts) -> Vec<Finding> {
    let Some(video) = facts.video.as_ref().filter(|_| !facts.still) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if let Some(seen) = &video.observed {
        found.extend(spans(seen));
        found.extend(quality(seen, video));
        found.extend(bars(seen, video));
    }
    found.extend(bit_rate(video));
    let untagged = !video.colour.full_range && video.colour.matrix.is_none();
    if untagged && f64::from(video.height) <= rules::UNTAGGED.limit() {
        found.push(rules::UNTAGGED.measured(
            video.height.into(),
            "the colours carry no tags and are taken for BT.709",
        ));
    }
    found
}

fn spans(seen: &PictureObservations) -> Vec<Finding> {
    let of = |rule: &super::Rule, spans: &[Span], what: &str| -> Vec<Finding> {
        spans
            .iter()
            .filter(|span| span.seconds() >= rule.limit())
            .map(|span| {
                let message = format!("{what} for {:.2} s", span.seconds());
                Finding {
                    at_seconds: Some(span.start_seconds),
                    until_seconds: Some(span.end_seconds),
                    ..rule.measured(span.seconds(), message)
                }
            })
            .collect()
    };
    let mut found = of(&rules::FROZEN, &seen.frozen, "the picture stands still");
    found.extend(of(&rules::BLACK, &seen.black, "the picture is black"));
    found.extend(of(&rules::BLANK, &seen.blank, "the picture is one colour"));
    found.extend(seen.flashing.iter().map(|flashing| {
        let per_second = f64::from(flashing.per_second);
        Finding {
            at_seconds: Some(flashing.start_seconds),
            until_seconds: Some(flashing.end_seconds),
            ..rules::FLASHES.measured(
                per_second,
                format!("{per_second} flashes in a second over a quarter of the picture or more"),
            )
        }
    }));
    found.extend(seen.damaged.iter().map(|damaged| {
        let message = match damaged.pictures {
            1 => "a picture is damaged, and those up to the next key picture are built on it".to_owned(),
            many => format!(
                "{many} pictures are damaged, and those up to the next key picture are built on them"
            ),
        };
        Finding {
            at_seconds: Some(damaged.start_seconds),
            until_seconds: Some(damaged.end_seconds),
            ..rules::DAMAGED.measured(f64::from(damaged.pictures), message)
        }
    }));
    found
}

fn quality(seen: &PictureObservations, video: &VideoFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(repeats) = seen
        .repeats
        .filter(|repeats| repeats.share >= rules::JUDDER.limit())
    {
        let message = format!(
            "about every {:.0}th picture repeats the one before it",
            repeats.every
        );
        found.push(rules::JUDDER.measured(repeats.share, message));
    }
    if let Some(detail) = seen.detail.filter(|detail| *detail <= rules::SOFT.limit()) {
        let message = format!(
            "the pictures are {} × {}, but show no more detail than {:.0} × {:.0} would",
            video.width,
            video.height,
            f64::from(video.width) * detail,
            f64::from(video.height) * detail
        );
        found.push(rules::SOFT.measured(detail, message));
    }
    let limited = !video.colour.full_range && !video.colour.is_hdr();
    if limited && seen.outside_range_share > rules::RANGE.limit() {
        let message = format!(
            "{:.1} % of the samples lie outside of the limited range: full range pictures without the tag that says so",
            seen.outside_range_share * 100.0
        );
        found.push(rules::RANGE.measured(seen.outside_range_share, message));
    }
    found
}

fn bars(seen: &PictureObservations, video: &VideoFacts) -> Option<Finding> {
    let share = bar_share(seen.bars?, video)?;
    let message = format!(
        "black bars fill {:.0} % of the picture's side",
        share * 200.0
    );
    Some(rules::BARS.measured(share, message))
}

/// The thickness of the thicker pair of bars, as a share of its side; none when it is no pair.
pub(super) fn bar_share(bars: Bars, video: &VideoFacts) -> Option<f64> {
    let pair = |one: u32, other: u32, side: u32| {
        let side = f64::from(side.max(1));
        let thinner = f64::from(one.min(other)) / side;
        let thicker = f64::from(one.max(other)) / side;
        let is_pair = thinner >= rules::BARS.limit() && thicker - thinner <= BAR_DIFFERENCE;
        is_pair.then_some(thicker)
    };
    let across = pair(bars.top, bars.bottom, video.height);
    let along = pair(bars.left, bars.right, video.width);
    across.into_iter().chain(along).reduce(f64::max)
}

fn bit_rate(video: &VideoFacts) -> Option<Finding> {
    let moving = video
        .observed
        .as_ref()
        .is_some_and(|seen| seen.motion >= MOVING_CODES);
    if !moving || video.duration_seconds < MIN_RATED_SECONDS {
        return None;
    }
    let pixels = f64::from(video.width) * f64::from(video.height);
    let per_pixel = video.bit_rate_bps? as f64 / (pixels * video.frame_rate.fps());
    let share = match video.codec.as_str() {
        "hevc" | "av1" | "vp9" => LATER_CODECS_SHARE,
        _ => 1.0,
    };
    (per_pixel < rules::LOW_BIT_RATE.limit() * share).then(|| {
        let message = format!(
            "{:.0} kbit/s for moving pictures of this size",
            video.bit_rate_bps.unwrap_or(0) as f64 / 1000.0
        );
        rules::LOW_BIT_RATE.measured(per_pixel, message)
    })
}
