//! Drafts of proxied clips, and what a change to them costs.

use std::collections::HashSet;

use crate::facts::Proxy;
use crate::hash::TaskKey;
use crate::plan::tests::{clip, conforms, cut, facts, manifest, rate, shot};
use crate::plan::{FactsByClip, Plan, plan};
use crate::task::{ConformSpec, PictureSource, TaskKind};

const DRAFT: &str = r#", "delivery": {"preset": "draft"}"#;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("clip {at}")).collect()
}

/// Clips of so many seconds that have proxies.
fn proxied(names: &[String], seconds: u64) -> FactsByClip {
    let with_proxy = |name: &String| {
        let mut facts = facts(1280, 720, rate(24, 1), 24 * seconds);
        facts.video.as_mut().unwrap().proxy = Some(Proxy {
            sha256: clip(&format!("{name}, small")),
            width: 640,
            height: 360,
        });
        (clip(name), facts)
    };
    names.iter().map(with_proxy).collect()
}

fn shots(names: &[String]) -> Vec<String> {
    let numbered = names.iter().enumerate();
    numbered
        .map(|(at, name)| shot(&format!("s{at}"), name, ""))
        .collect()
}

fn seconds(strip: &ConformSpec) -> f64 {
    strip.format.fps.seconds_at(strip.frames)
}

#[test]
fn every_shot_is_on_one_strip_and_none_is_too_long() {
    for (length, usual) in [
        (1, 8.0..24.0),
        (5, 12.0..40.0),
        (15, 15.0..40.0),
        (90, 60.0..91.0),
    ] {
        let names = names(200);
        let draft = manifest(&shots(&names).join(","), DRAFT);
        let plan = plan(&draft, &proxied(&names, length)).unwrap();
        let strips = conforms(&plan);
        let whole: u64 = strips.iter().map(|strip| strip.frames).sum();
        assert_eq!(whole, plan.total_frames);
        assert_eq!(cut(&plan).len(), strips.len(), "each is a segment");
        let mean = plan.duration_seconds / strips.len() as f64;
        // Longer ones than a minute are parts of one shot.
        let parts = if length > 60 { 2.0 } else { 1.0 };
        assert!(
            usual.contains(&(mean * parts)),
            "shots of {length} s: {mean}"
        );
        for strip in &strips {
            let first = strip.frames_of_first();
            assert_eq!(
                first + strip.then.iter().map(|take| take.frames).sum::<u64>(),
                strip.frames
            );
            assert_eq!(strip.clips().len(), 1 + strip.then.len());
            assert!(seconds(strip) <= 60.0 && strip.then.len() < 24);
        }
        let of_strips = plan
            .tasks
            .iter()
            .filter(|task| task.kind() == TaskKind::Conform);
        let named = of_strips.filter(|task| task.shot.is_some()).count();
        let alone = strips.iter().filter(|strip| strip.then.is_empty()).count();
        assert_eq!(named, alone, "a strip is no one shot's");
    }
}

#[test]
fn a_shot_that_is_put_in_or_changed_winds_little_anew() {
    for length in [1, 5, 15] {
        let names = names(200);
        let known = proxied(&names, length);
        let keys = |shots: &[String]| -> HashSet<TaskKey> {
            let plan: Plan = plan(&manifest(&shots.join(","), DRAFT), &known).unwrap();
            let conforms = plan
                .tasks
                .iter()
                .filter(|task| task.kind() == TaskKind::Conform);
            conforms.map(|task| task.key).collect()
        };
        let all = keys(&shots(&names[1..]));
        let anew = |shots: &[String]| keys(shots).difference(&all).count();
        // Each place in the film has its own luck; of all, few shots of a strip's usual length are made again.
        let mut put_in = Vec::new();
        let mut changed = Vec::new();
        for at in (0..190).step_by(10) {
            let mut longer = names[1..].to_vec();
            longer.insert(at, names[0].clone());
            put_in.push(anew(&shots(&longer)));
            let mut other = names[1..].to_vec();
            other[at] = names[0].clone();
            changed.push(anew(&shots(&other)));
        }
        for counts in [put_in, changed] {
            let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
            assert!(mean <= 3.0, "shots of {length} s: {counts:?}");
        }
    }
}

#[test]
fn transitions_and_other_sources_have_their_places_among_strips() {
    let names = names(40);
    let known = proxied(&names, 1);
    let mut shots = shots(&names);
    shots[10] = shot(
        "s10",
        &names[10],
        r#", "transition": {"kind": "dissolve", "duration": 0.5}"#,
    );
    shots[20] = r##"{"id": "s20", "source": {"colour": "#102030"}, "duration": 1}"##.to_owned();
    let plan = plan(&manifest(&shots.join(","), DRAFT), &known).unwrap();
    let whole: u64 = conforms(&plan).iter().map(|strip| strip.frames).sum();
    assert_eq!(whole, plan.total_frames);
    for strip in conforms(&plan) {
        let plain = matches!(strip.picture.source, PictureSource::Clip { .. });
        assert!((plain && strip.under.is_none()) || strip.then.is_empty());
        for take in &strip.then {
            assert!(matches!(take.picture.source, PictureSource::Clip { .. }));
        }
    }
    let alone = |wanted: fn(&ConformSpec) -> bool| {
        conforms(&plan)
            .into_iter()
            .filter(|strip| wanted(strip))
            .count()
    };
    assert_eq!(alone(|strip| strip.under.is_some()), 1);
    assert_eq!(
        alone(|strip| matches!(strip.picture.source, PictureSource::Colour { .. })),
        1
    );
    assert!(alone(|strip| !strip.then.is_empty()) >= 2);
}

#[test]
fn a_text_over_a_cut_inside_a_strip_is_one_text_at_its_frames() {
    let names = names(12);
    let known = proxied(&names, 1);
    let titles: Vec<String> = (0..11)
        .map(|at| format!(r#"{{"text": "T", "start": {at}.5, "end": {at}.9}}, {{"text": "U", "position": "top", "start": {at}.75, "end": {}.25}}"#, at + 1))
        .collect();
    let rest = format!(r#"{DRAFT}, "titles": [{}]"#, titles.join(","));
    let plan = plan(&manifest(&shots(&names).join(","), &rest), &known).unwrap();
    let mut start = 0;
    let mut over_cuts = 0;
    for strip in conforms(&plan) {
        assert!(strip.overlays.len() <= 16, "{}", strip.overlays.len());
        for text in strip.overlays.iter().filter(|text| text.text == "U") {
            let inside =
                text.from_frame > 0 && text.to_frame < i64::try_from(strip.frames).unwrap();
            if inside {
                assert_eq!((start + text.from_frame) % 24, 18, "{text:?}");
                assert_eq!((start + text.to_frame) % 24, 6, "{text:?}");
                over_cuts += 1;
            }
        }
        start += i64::try_from(strip.frames).unwrap();
    }
    assert!(
        over_cuts >= 3,
        "{over_cuts} texts lie over a cut inside a strip"
    );
}
