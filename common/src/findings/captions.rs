//! Lines of dialogue as texts to be read: one at a time, long enough, and inside of their shot.

use serde_json::{Value, json};

use super::{Film, Placed, fixes, rules};
use crate::finding::{Finding, Fix, PatchOp};
use crate::manifest::Line;

/// Given to a caption that is made long enough, seconds beyond the least.
const MARGIN_SECONDS: f64 = 0.01;

pub(super) fn findings(film: &Film<'_>) -> Vec<Finding> {
    film.shots
        .iter()
        .flat_map(|placed| {
            let mut found = off_shot(placed);
            found.extend(overlaps(placed));
            found.extend(reading(placed));
            found.extend(too_much(placed));
            found
        })
        .collect()
}

fn end_of(line: &Line, placed: &Placed<'_>) -> f64 {
    line.end.unwrap_or(placed.seconds)
}

fn at_line(placed: &Placed<'_>, line: &Line, finding: Finding) -> Finding {
    placed.here(Finding {
        at_seconds: Some(placed.at + line.start),
        until_seconds: Some(placed.at + end_of(line, placed).min(placed.seconds)),
        ..finding
    })
}

/// Sets one member of one line.
fn set(placed: &Placed<'_>, line: usize, member: &str, value: Value, title: String) -> Fix {
    let shot = placed.index;
    let text = placed.shot.dialogue.get(line).map(|line| line.text.clone());
    Fix {
        title,
        patch: vec![
            PatchOp::Test {
                path: format!("/shots/{shot}/dialogue/{line}/text"),
                value: json!(text),
            },
            PatchOp::Add {
                path: format!("/shots/{shot}/dialogue/{line}/{member}"),
                value,
            },
        ],
        advice: None,
    }
}

fn off_shot(placed: &Placed<'_>) -> Vec<Finding> {
    let lines = placed.shot.dialogue.iter().enumerate();
    lines
        .filter_map(|(at, line)| {
            let over = line.end? - placed.seconds;
            (over > rules::CAPTION_OFF.limit()).then(|| {
                let message = format!("the line runs {over:.2} s past the end of its shot");
                let end = (placed.seconds * 1000.0).floor() / 1000.0;
                let fix = set(
                    placed,
                    at,
                    "end",
                    json!(end),
                    "End the line with its shot".to_owned(),
                );
                at_line(
                    placed,
                    line,
                    Finding {
                        fixes: vec![fix],
                        ..rules::CAPTION_OFF.measured(over, message)
                    },
                )
            })
        })
        .collect()
}

fn overlaps(placed: &Placed<'_>) -> Vec<Finding> {
    let mut lines: Vec<(usize, &Line)> = placed.shot.dialogue.iter().enumerate().collect();
    lines.sort_by(|(_, a), (_, b)| a.start.total_cmp(&b.start));
    let pairs = lines.iter().zip(lines.iter().skip(1));
    pairs
        .filter(|((_, one), (_, next))| end_of(one, placed) > next.start)
        .map(|((at, one), (_, next))| {
            let title = "End the line where the next one starts".to_owned();
            let possible = next.start > one.start;
            let fix = possible.then(|| set(placed, *at, "end", json!(next.start), title));
            let by_hand = fixes::advice(
                "Join the lines",
                "Make one line of both, or move one of them.",
            );
            at_line(
                placed,
                one,
                Finding {
                    fixes: fix.into_iter().chain([by_hand]).collect(),
                    ..rules::CAPTION_OVERLAP.finding("two lines are shown at the same time")
                },
            )
        })
        .collect()
}

fn reading(placed: &Placed<'_>) -> Vec<Finding> {
    let lines = placed.shot.dialogue.iter().enumerate();
    lines
        .filter_map(|(at, line)| {
            let letters = line.text.chars().count() as f64;
            let end = end_of(line, placed).min(placed.seconds);
            let speed = letters / (end - line.start).max(0.001);
            (speed > rules::READING.limit()).then(|| {
                let wanted = line.start + letters / rules::READING.limit() + MARGIN_SECONDS;
                let wanted = (wanted * 100.0).ceil() / 100.0;
                let next = placed
                    .shot
                    .dialogue
                    .iter()
                    .map(|other| other.start)
                    .filter(|start| *start > line.start)
                    .fold(placed.seconds, f64::min);
                let fix = (wanted <= next).then(|| {
                    set(
                        placed,
                        at,
                        "end",
                        json!(wanted),
                        format!("Show the line until {wanted} s"),
                    )
                });
                let by_hand = fixes::advice(
                    "Shorten the line",
                    format!(
                        "{:.0} characters can be read while it is shown.",
                        (end - line.start) * rules::READING.limit()
                    ),
                );
                at_line(
                    placed,
                    line,
                    Finding {
                        fixes: fix.into_iter().chain([by_hand]).collect(),
                        ..rules::READING.measured(
                            speed,
                            format!("{speed:.0} characters a second are too many to be read"),
                        )
                    },
                )
            })
        })
        .collect()
}

fn too_much(placed: &Placed<'_>) -> Option<Finding> {
    let letters: usize = placed
        .shot
        .dialogue
        .iter()
        .map(|line| line.text.chars().count())
        .sum();
    let speed = letters as f64 / placed.seconds.max(0.001);
    (speed > rules::DIALOGUE.limit()).then(|| {
        let needed =
            ((letters as f64 / rules::DIALOGUE.limit() + MARGIN_SECONDS) * 100.0).ceil() / 100.0;
        let video = placed
            .facts
            .filter(|_| placed.shows_clip())
            .and_then(|facts| facts.video.as_ref());
        let there = video.map_or(f64::INFINITY, |video| {
            video.duration_seconds - placed.shot.trim.start
        });
        let title = format!("Show the shot for {needed} s");
        let start = placed.shot.trim.start;
        let edit = (needed <= there).then(|| {
            if placed.shot.duration.is_some() {
                fixes::of_shot(placed, title, &[("duration", json!(needed))])
            } else {
                fixes::of_shot(
                    placed,
                    title,
                    &[("trim", json!({ "start": start, "end": start + needed }))],
                )
            }
        });
        let by_hand = fixes::advice(
            "Shorten the dialogue, or spread it over two shots",
            format!("{needed} s are needed to say it."),
        );
        placed.here(Finding {
            until_seconds: Some(placed.at + placed.seconds),
            fixes: edit.into_iter().chain([by_hand]).collect(),
            ..rules::DIALOGUE.measured(
                speed,
                format!(
                    "{letters} characters of dialogue in {:.1} s",
                    placed.seconds
                ),
            )
        })
    })
}
