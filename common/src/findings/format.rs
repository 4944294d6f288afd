//! What comes of a clip's format in the film's: rate, size, shape.

use serde_json::json;

use super::{Film, Placed, fixes, rules};
use crate::facts::VideoFacts;
use crate::film::{FilmFormat, Fit};
use crate::finding::{Finding, Fix, PatchOp};
use crate::units::FrameRate;

pub(super) fn findings(film: &Film<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let format = film.plan.format;
    for placed in &film.shots {
        let video = placed.facts.and_then(|facts| facts.video.as_ref());
        let Some(video) = video else { continue };
        if placed.shows_clip() {
            found.extend(rate(film, placed, video));
        }
        found.extend(size(film, placed, video));
        found.extend(shape(placed, video, &format));
    }
    found
}

fn rate(film: &Film<'_>, placed: &Placed<'_>, video: &VideoFacts) -> Option<Finding> {
    let (own, film_rate) = (video.frame_rate, film.plan.format.fps);
    let ratio = (film_rate.fps() / own.fps()).max(own.fps() / film_rate.fps());
    let off = (ratio - ratio.round()).abs();
    if off <= rules::RATE.limit() || !video.constant_rate {
        return None;
    }
    let message =
        format!("the clip has {own} pictures a second, the film {film_rate}: the motion is uneven");
    let others = film.shots.iter().filter(|placed| placed.shows_clip());
    let all_alike = others
        .filter_map(|placed| placed.facts?.video.as_ref())
        .all(|video| video.frame_rate == own);
    // Another rate helps this shot only; it is offered where it helps all of them.
    let edit = (all_alike && FrameRate::new(own.num(), own.den()).is_ok()).then(|| {
        film_format(
            film.plan.format,
            |format| format.fps = own,
            format!("Make the film at {own} pictures a second"),
        )
    });
    let again = fixes::advice(
        "Send the clip at the film's rate",
        format!("Generate or export it at {film_rate} pictures a second."),
    );
    Some(placed.here(Finding {
        fixes: edit.into_iter().chain([again]).collect(),
        ..rules::RATE.measured(off, message)
    }))
}

/// How many pixels of the film each of the picture's becomes, along a side.
fn scale(placed: &Placed<'_>, video: &VideoFacts, format: &FilmFormat) -> f64 {
    let (width, height) = video.display_size();
    let along = f64::from(format.width) / f64::from(width.max(1));
    let across = f64::from(format.height) / f64::from(height.max(1));
    let fitted = match placed.shot.fit {
        Fit::Contain => along.min(across),
        Fit::Cover => along.max(across),
    };
    let zoom = placed
        .shot
        .motion
        .map_or(1.0, |motion| motion.from.zoom.max(motion.to.zoom));
    fitted * zoom
}

fn size(film: &Film<'_>, placed: &Placed<'_>, video: &VideoFacts) -> Option<Finding> {
    let format = film.plan.format;
    let scale = scale(placed, video, &format);
    if scale <= rules::ENLARGED.limit() {
        return None;
    }
    let message = format!(
        "the picture of {} × {} is enlarged {scale:.2} times",
        video.width, video.height
    );
    let share = rules::ENLARGED.limit() / scale;
    let even = |side: u32| ((f64::from(side) * share / 2.0).floor() as u32).max(8) * 2;
    let smaller = (even(format.width), even(format.height));
    let edit = film_format(
        format,
        |format| (format.width, format.height) = smaller,
        format!("Make the film at {} × {}", smaller.0, smaller.1),
    );
    let again = fixes::advice(
        "Send a larger picture",
        format!("Generate it at {} × {}.", format.width, format.height),
    );
    Some(placed.here(Finding {
        fixes: vec![edit, again],
        ..rules::ENLARGED.measured(scale, message)
    }))
}

fn shape(placed: &Placed<'_>, video: &VideoFacts, format: &FilmFormat) -> Option<Finding> {
    let (width, height) = video.display_size();
    let own = f64::from(width.max(1)) / f64::from(height.max(1));
    let film = f64::from(format.width) / f64::from(format.height.max(1));
    let empty = 1.0 - (own / film).min(film / own);
    if placed.shot.fit == Fit::Cover
        || placed.shot.motion.is_some()
        || empty <= rules::SHAPE.limit()
    {
        return None;
    }
    let message = format!(
        "{:.0} % of the frame is empty beside the picture",
        empty * 100.0
    );
    let edit = fixes::of_shot(
        placed,
        "Fill the frame; the picture is cut at its edges".to_owned(),
        &[("fit", json!(Fit::Cover))],
    );
    Some(placed.here(Finding {
        fixes: vec![edit],
        ..rules::SHAPE.measured(empty, message)
    }))
}

fn film_format(format: FilmFormat, change: impl FnOnce(&mut FilmFormat), title: String) -> Fix {
    let mut format = format;
    change(&mut format);
    Fix {
        title,
        patch: vec![PatchOp::Add {
            path: "/format".to_owned(),
            value: json!(format),
        }],
        advice: None,
    }
}
