//! What the clips show by themselves, where the film shows them: on its timeline, with what can be done about it in the edit.

use serde_json::json;

use super::clip_pictures::bar_share;
use super::{Film, Placed, clip_pictures, clip_sound, fixes, rules};
use crate::film::View;
use crate::finding::{Finding, Fix};
use crate::manifest::Motion;

/// Zoom a little further in than the bars reach: their edge is soft.
const BAR_MARGIN: f64 = 0.01;
const MAX_ZOOM: f64 = 8.0;

pub(super) fn findings(film: &Film<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for placed in film.shots.iter().filter(|placed| placed.shows_clip()) {
        let Some(facts) = placed.facts else { continue };
        let mut of_clip = clip_pictures::findings(facts);
        if placed.sounds() {
            of_clip.extend(clip_sound::findings(facts));
        }
        found.extend(
            of_clip
                .into_iter()
                .filter(|finding| !is_hidden(placed, finding))
                .filter_map(|finding| in_film(placed, finding))
                .map(|finding| Finding {
                    fixes: ways_out(placed, &finding),
                    ..finding
                })
                .map(|finding| on_film_time(placed, finding)),
        );
    }
    found.extend(of_tracks(film));
    found
}

/// Sounds over the film: what is wrong with them as such.
fn of_tracks<'a>(film: &'a Film<'_>) -> impl Iterator<Item = Finding> + 'a {
    film.manifest.tracks.iter().flat_map(|track| {
        let facts = film.facts.get(&track.source.clip);
        let found = facts.map(clip_sound::findings).unwrap_or_default();
        // Where a track is silent, short or late is its director's business.
        let flaws = found
            .into_iter()
            .filter(|finding| finding.until_seconds.is_none());
        flaws.map(|finding| Finding {
            clip: Some(track.source.clip),
            message: format!("track {}: {}", track.id, finding.message),
            at_seconds: Some(track.start),
            fixes: vec![fixes::advice(
                "Send a clean recording",
                "Export or record the track again.",
            )],
            ..finding
        })
    })
}

/// The edit already keeps it out of sight.
fn is_hidden(placed: &Placed<'_>, finding: &Finding) -> bool {
    let is_bars = finding.rule == rules::BARS.id;
    is_bars && bar_zoom(placed).is_some_and(|needed| shown_zoom(placed) >= needed)
}

/// Cut to the part of the clip that is shown; none when nothing worth telling is left in it.
fn in_film(placed: &Placed<'_>, finding: Finding) -> Option<Finding> {
    let (Some(start), Some(end)) = (finding.at_seconds, finding.until_seconds) else {
        return Some(finding);
    };
    let (from, to) = placed.used();
    let (start, end) = (start.max(from), end.min(to));
    let length = end - start;
    let counted_in_seconds = finding.unit.as_deref() == Some("s");
    let least = if counted_in_seconds {
        finding.limit.unwrap_or(0.0)
    } else {
        0.0
    };
    (length > 0.0 && length >= least).then(|| Finding {
        at_seconds: Some(start),
        until_seconds: Some(end),
        measured: if counted_in_seconds {
            Some((length * 1000.0).round() / 1000.0)
        } else {
            finding.measured
        },
        ..finding
    })
}

fn on_film_time(placed: &Placed<'_>, finding: Finding) -> Finding {
    let moved = |seconds: Option<f64>| {
        seconds.map(|seconds| {
            let inside = (seconds - placed.shot.trim.start).clamp(0.0, placed.seconds);
            ((placed.at + inside) * 1000.0).round() / 1000.0
        })
    };
    placed.here(Finding {
        at_seconds: moved(finding.at_seconds),
        until_seconds: moved(finding.until_seconds),
        ..finding
    })
}

/// Times of `finding` are the clip's.
fn ways_out(placed: &Placed<'_>, finding: &Finding) -> Vec<Fix> {
    let span = finding.at_seconds.zip(finding.until_seconds);
    let cut = |why: &str| -> Option<Fix> {
        let (start, end) = span?;
        fixes::cut_off(placed, start, end, why)
    };
    let rule = finding.rule.as_str();
    let (edit, again) = match rule {
        _ if rule == rules::FROZEN.id => (
            cut("without the stand"),
            fixes::regenerate(
                "continuous motion from the first to the last second, no freeze frame",
            ),
        ),
        _ if rule == rules::BLACK.id => (
            cut("without the black"),
            fixes::regenerate("no fade to black, no black frames"),
        ),
        _ if rule == rules::BLANK.id => (
            cut("without the empty pictures"),
            fixes::regenerate("the scene is in view all the time"),
        ),
        _ if rule == rules::FLASHES.id => (
            cut("without the flashes"),
            fixes::regenerate("steady light, no strobe, no lightning, no flicker"),
        ),
        _ if rule == rules::DAMAGED.id => (
            cut("without the damage"),
            fixes::advice(
                "Send the clip again",
                "The file was damaged on its way or where it lay: download or export it again.",
            ),
        ),
        _ if rule == rules::BARS.id => (
            zoom_in(placed),
            fixes::regenerate("full frame, no letterbox, no black bars"),
        ),
        _ if rule == rules::SOUND_SHORT.id => {
            (cut("as long as there is sound"), fixes::mute(placed))
        }
        _ if rule == rules::SOUND_LATE.id => {
            (cut("from where there is sound"), fixes::mute(placed))
        }
        _ if rule == rules::SILENCE.id => (cut("without the silence"), fixes::mute(placed)),
        _ => match better_export(rule) {
            Some(advice) => (None, advice),
            None => (
                Some(fixes::mute(placed)),
                fixes::advice(
                    "Send a clean sound",
                    "Export or generate the clip's sound again, or replace it by a track.",
                ),
            ),
        },
    };
    edit.into_iter().chain([again]).collect()
}

/// What no edit of the film can mend.
fn better_export(rule: &str) -> Option<Fix> {
    let (title, text) = match rule {
        _ if rule == rules::JUDDER.id => (
            "Export the clip at its own rate",
            "Repeated pictures cannot be taken out again; export or generate it at the film's rate, without a conversion.",
        ),
        _ if rule == rules::SOFT.id => (
            "Send the clip at the size it was made in",
            "Generate it at the film's size, or leave the scaling to the film.",
        ),
        _ if rule == rules::LOW_BIT_RATE.id => (
            "Export the clip at a higher bit rate",
            "CRF 18 of x264, or 5 Mbit/s at 720p, keeps what was generated.",
        ),
        _ if rule == rules::RANGE.id => (
            "Export the clip in limited range",
            "Or tag it as full range (ffmpeg: -color_range pc); it is then converted.",
        ),
        _ if rule == rules::UNTAGGED.id => (
            "Tag the clip's colours",
            "ffmpeg: -colorspace bt709 -color_primaries bt709 -color_trc bt709, if they are.",
        ),
        _ => return None,
    };
    Some(fixes::advice(title, text))
}

fn bar_zoom(placed: &Placed<'_>) -> Option<f64> {
    let video = placed.facts?.video.as_ref()?;
    let share = bar_share(video.observed.as_ref()?.bars?, video)?;
    let zoom = 1.0 / (1.0 - 2.0 * (share + BAR_MARGIN));
    (1.0..=MAX_ZOOM)
        .contains(&zoom)
        .then_some((zoom * 1000.0).ceil() / 1000.0)
}

/// The least zoom while the shot lasts, where it looks at the middle.
fn shown_zoom(placed: &Placed<'_>) -> f64 {
    let centred = |view: View| (view.x - 0.5).abs() < 1e-6 && (view.y - 0.5).abs() < 1e-6;
    match placed.shot.motion {
        Some(Motion { from, to, .. }) if centred(from) && centred(to) => from.zoom.min(to.zoom),
        _ => 1.0,
    }
}

fn zoom_in(placed: &Placed<'_>) -> Option<Fix> {
    if placed.shot.motion.is_some() {
        return None;
    }
    let view = View {
        zoom: bar_zoom(placed)?,
        ..View::default()
    };
    let motion = Motion {
        from: view,
        to: view,
        ..Motion::default()
    };
    let title = format!("Zoom in by {:.2} to leave the bars out", view.zoom);
    Some(fixes::of_shot(placed, title, &[("motion", json!(motion))]))
}
