//! What a schema cannot say: identities are unique, names resolve, spans run forwards. Needs no clip facts.

use std::collections::HashMap;

use super::{Line, ShotManifest, Trim};
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
        for (line_at, line) in shot.dialogue.iter().enumerate() {
            check_line(
                &format!("/shots/{at}/dialogue/{line_at}"),
                line,
                &mut problems,
            );
        }
    }
    problems
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
            .fix("Let end be greater than start; both are seconds from the clip's first picture."),
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
