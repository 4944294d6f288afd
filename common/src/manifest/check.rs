//! What a schema cannot say: identities are unique, names resolve, spans run forwards. Needs no clip facts.

use std::collections::HashMap;

use super::{Line, Shot, ShotManifest, Source, Title, TransitionWord, Trim};
use crate::problem::FieldProblem;
use crate::schema::closest;

/// Every problem that the manifest has by itself.
pub fn check(manifest: &ShotManifest) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    unique(
        "shots",
        manifest.shots.iter().map(|shot| shot.id.as_str()),
        &mut problems,
    );
    unique(
        "tracks",
        manifest.tracks.iter().map(|track| track.id.as_str()),
        &mut problems,
    );
    unique(
        "beats",
        manifest.beats.iter().map(|beat| beat.id.as_str()),
        &mut problems,
    );
    let beats: Vec<&str> = manifest.beats.iter().map(|beat| beat.id.as_str()).collect();
    for (at, shot) in manifest.shots.iter().enumerate() {
        if let Some(beat) = &shot.beat
            && !beats.contains(&beat.as_str())
        {
            problems.push(unknown_beat(at, beat, &beats));
        }
        check_trim(&format!("/shots/{at}/trim"), &shot.trim, &mut problems);
        problems.extend(length_problem(at, shot));
        problems.extend(transition_problem(at, shot));
        for (line_at, line) in shot.dialogue.iter().enumerate() {
            check_line(
                &format!("/shots/{at}/dialogue/{line_at}"),
                line,
                &mut problems,
            );
        }
    }
    for (at, track) in manifest.tracks.iter().enumerate() {
        check_trim(&format!("/tracks/{at}/trim"), &track.trim, &mut problems);
    }
    for (at, title) in manifest.titles.iter().enumerate() {
        problems.extend(title_problem(at, title, manifest));
    }
    problems
}

/// A shot's length is said once, and by something that has one.
fn length_problem(at: usize, shot: &Shot) -> Option<FieldProblem> {
    let is_clip = matches!(shot.source, Source::Clip(_));
    let trimmed = shot.trim != Trim::default();
    if is_clip && shot.duration.is_some() && shot.trim.end.is_some() {
        let message = "The shot has a duration and a trim.end: both say where it ends.";
        return Some(
            FieldProblem::new(
                format!("/shots/{at}/duration"),
                "length_said_twice",
                message,
            )
            .fix("Leave one of them out."),
        );
    }
    if !is_clip && trimmed {
        let message = "Only clips have a beginning and an end to be trimmed.";
        return Some(
            FieldProblem::new(format!("/shots/{at}/trim"), "nothing_to_trim", message)
                .fix("Say how long the shot lasts with duration."),
        );
    }
    if !is_clip && shot.duration.is_none() {
        let message = "A still or a colour has no length of its own.";
        return Some(
            FieldProblem::new(format!("/shots/{at}/duration"), "duration_missing", message)
                .fix("Add duration, in seconds."),
        );
    }
    if matches!(shot.source, Source::Colour(_)) && shot.motion.is_some() {
        let message = "In one colour nothing is seen to move.";
        return Some(FieldProblem::new(
            format!("/shots/{at}/motion"),
            "nothing_to_move",
            message,
        ));
    }
    None
}

fn transition_problem(at: usize, shot: &Shot) -> Option<FieldProblem> {
    let is_cut = shot.transition.kind == TransitionWord::Cut;
    let lasts = shot.transition.duration > 0.0;
    let pointer = format!("/shots/{at}/transition/duration");
    match (is_cut, lasts) {
        (true, true) => Some(
            FieldProblem::new(pointer, "cut_with_duration", "A cut takes no time.")
                .fix("Use kind \"dissolve\" or \"fade\", or leave the duration out."),
        ),
        (false, false) => Some(
            FieldProblem::new(
                pointer,
                "duration_missing",
                "The transition has no duration.",
            )
            .fix("Add its duration, in seconds."),
        ),
        _ => None,
    }
}

fn title_problem(at: usize, title: &Title, manifest: &ShotManifest) -> Option<FieldProblem> {
    if let Some(shot) = &title.shot
        && manifest.shots.iter().all(|known| known.id != *shot)
    {
        let message = format!("No shot has the id \"{shot}\".");
        let problem = FieldProblem::new(format!("/titles/{at}/shot"), "unknown_shot", message);
        let ids = manifest.shots.iter().map(|shot| shot.id.as_str());
        return Some(match closest(shot, ids) {
            Some(id) => problem.did_you_mean(id),
            None => problem,
        });
    }
    if title.end.is_some() && title.duration.is_some() {
        let message = "The title has a duration and an end: both say when it goes.";
        return Some(
            FieldProblem::new(
                format!("/titles/{at}/duration"),
                "length_said_twice",
                message,
            )
            .fix("Leave one of them out."),
        );
    }
    if let Some(end) = title.end
        && end <= title.start
    {
        let message = format!(
            "The title ends at {end} s, not after its start at {} s.",
            title.start
        );
        return Some(FieldProblem::new(
            format!("/titles/{at}/end"),
            "reversed_title",
            message,
        ));
    }
    if title.text.trim().is_empty() {
        return Some(FieldProblem::new(
            format!("/titles/{at}/text"),
            "empty_text",
            "The title has no text.",
        ));
    }
    None
}

fn unique<'a>(list: &str, ids: impl Iterator<Item = &'a str>, problems: &mut Vec<FieldProblem>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, id) in ids.enumerate() {
        if let Some(first) = seen.get(id) {
            problems.push(
                FieldProblem::new(
                    format!("/{list}/{at}/id"),
                    "duplicate_id",
                    format!("The id \"{id}\" is already used by /{list}/{first}."),
                )
                .fix("Give each one an id of its own."),
            );
        } else {
            seen.insert(id, at);
        }
    }
}

fn unknown_beat(at: usize, beat: &str, beats: &[&str]) -> FieldProblem {
    let problem = FieldProblem::new(
        format!("/shots/{at}/beat"),
        "unknown_beat",
        format!("No beat has the id \"{beat}\"."),
    )
    .fix("Add the beat to /beats, or name one that is there.");
    match closest(beat, beats.iter().copied()) {
        Some(name) => problem.did_you_mean(name),
        None => problem,
    }
}

fn check_trim(pointer: &str, trim: &Trim, problems: &mut Vec<FieldProblem>) {
    if let Some(end) = trim.end
        && end <= trim.start
    {
        problems.push(
            FieldProblem::new(
                format!("{pointer}/end"),
                "reversed_trim",
                format!(
                    "The trim ends at {end} s, not after its start at {} s.",
                    trim.start
                ),
            )
            .fix("Let end be greater than start; both are seconds from the clip's start."),
        );
    }
}

fn check_line(pointer: &str, line: &Line, problems: &mut Vec<FieldProblem>) {
    if let Some(end) = line.end
        && end <= line.start
    {
        problems.push(FieldProblem::new(
            format!("{pointer}/end"),
            "reversed_line",
            format!(
                "The line ends at {end} s, not after its start at {} s.",
                line.start
            ),
        ));
    }
    if line.text.trim().is_empty() {
        problems.push(FieldProblem::new(
            format!("{pointer}/text"),
            "empty_text",
            "The line has no text.",
        ));
    }
}
