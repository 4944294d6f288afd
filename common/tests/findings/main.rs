//! Findings of a film: each rule fires on a made fault, is silent on a clean film, and every patch that it offers removes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod material;

use botflix_common::facts::pictures::{Bars, Damaged, Flashing, Repeats};
use botflix_common::facts::sound::{Clipping, Hum};
use botflix_common::facts::{ClipFacts, Colour, Span};
use botflix_common::finding::Finding;
use botflix_common::findings::{self, RULES};
use botflix_common::manifest::read::read_manifest;
use botflix_common::plan::{FactsByClip, plan};
use botflix_common::units::FrameRate;
use material::{audio, clean, heard, loud, seen, sha, video};
use serde_json::{Value, json};

/// Found by the checks of finished films, whose tests make them.
const OF_FINISHED: [&str; 9] = [
    "film_length",
    "silent_film",
    "loudness_off_target",
    "true_peak_high",
    "film_without_sound",
    "film_drift",
    "film_rate_varies",
    "film_colour_tags",
    "film_index_last",
];

/// Six clips `a` to `f`, a short manifest of them in two beats, and what is changed in both.
struct Case {
    rule: &'static str,
    facts: fn(&mut ClipFacts),
    manifest: fn(&mut Value),
}

const SAME: fn(&mut ClipFacts) = |_| {};
const AS_IS: fn(&mut Value) = |_| {};

fn span(start_seconds: f64, end_seconds: f64) -> Vec<Span> {
    vec![Span {
        start_seconds,
        end_seconds,
    }]
}

fn film() -> Value {
    let shots: Vec<Value> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .enumerate()
        .map(|(at, name)| json!({"id": name, "source": {"clip": sha(name)}, "beat": if at < 3 { "one" } else { "two" }}))
        .collect();
    json!({
        "title": "T",
        "beats": [{"id": "one", "name": "One"}, {"id": "two", "name": "Two"}],
        "shots": shots,
    })
}

fn music() -> Value {
    json!({"id": "m", "kind": "music", "source": {"clip": sha("music")}, "loop": true})
}

/// `c` is the clip that is spoiled.
fn all_facts(change: fn(&mut ClipFacts)) -> FactsByClip {
    let mut known: FactsByClip = ["a", "b", "c", "d", "e", "f", "music"]
        .iter()
        .zip(1..)
        .map(|(name, look)| (sha(name), clean(look)))
        .collect();
    change(known.get_mut(&sha("c")).unwrap());
    known.get_mut(&sha("music")).unwrap().video = None;
    known
}

fn found(manifest: &Value, facts: &FactsByClip) -> Vec<Finding> {
    let manifest = read_manifest(&serde_json::to_vec(manifest).unwrap())
        .unwrap_or_else(|problems| panic!("{problems:?} in {manifest:#}"));
    let plan = plan(&manifest, facts).unwrap_or_else(|problems| panic!("{problems:?}"));
    findings::of_film(&manifest, facts, &plan)
}

#[allow(clippy::too_many_lines, reason = "a table: one case for each rule")]
fn cases() -> Vec<Case> {
    let of = |rule, facts, manifest| Case {
        rule,
        facts,
        manifest,
    };
    vec![
        of("frozen_picture", |f| seen(f).frozen = span(4.0, 6.0), AS_IS),
        of("black_picture", |f| seen(f).black = span(0.0, 1.5), AS_IS),
        of(
            "blank_picture",
            |f| seen(f).blank = span(2.0, 3.0),
            |m| m["shots"][2]["duration"] = json!(5.0),
        ),
        of(
            "flashes",
            |f| {
                seen(f).flashing = vec![Flashing {
                    start_seconds: 1.0,
                    end_seconds: 2.0,
                    per_second: 5,
                }]
            },
            AS_IS,
        ),
        of(
            "damaged_pictures",
            |f| {
                seen(f).damaged = vec![Damaged {
                    start_seconds: 4.5,
                    end_seconds: 6.0,
                    pictures: 2,
                }]
            },
            AS_IS,
        ),
        of(
            "judder",
            |f| {
                seen(f).repeats = Some(Repeats {
                    every: 5.0,
                    share: 0.2,
                })
            },
            AS_IS,
        ),
        of("soft_picture", |f| seen(f).detail = Some(0.4), AS_IS),
        of(
            "baked_in_bars",
            |f| {
                seen(f).bars = Some(Bars {
                    top: 90,
                    bottom: 88,
                    left: 0,
                    right: 0,
                })
            },
            AS_IS,
        ),
        of(
            "low_bit_rate",
            |f| video(f).bit_rate_bps = Some(200_000),
            AS_IS,
        ),
        of(
            "outside_range",
            |f| seen(f).outside_range_share = 0.1,
            AS_IS,
        ),
        of(
            "matrix_guessed",
            |f| {
                video(f).colour = Colour::default();
                (video(f).width, video(f).height) = (1024, 576);
            },
            AS_IS,
        ),
        of(
            "rate_conversion",
            |f| video(f).frame_rate = FrameRate::new(30, 1).unwrap(),
            AS_IS,
        ),
        of(
            "enlarged_picture",
            |f| (video(f).width, video(f).height) = (640, 360),
            AS_IS,
        ),
        of(
            "visible_bars",
            |f| (video(f).width, video(f).height) = (960, 720),
            AS_IS,
        ),
        of("exposure_step", |f| seen(f).first.luma = 200.0, AS_IS),
        of(
            "one_sided_sound",
            |f| heard(f).channel_rms_dbfs = vec![-20.0, -90.0],
            AS_IS,
        ),
        of(
            "inverted_phase",
            |f| heard(f).correlation = Some(-0.9),
            AS_IS,
        ),
        of(
            "clipping",
            |f| {
                heard(f).clipping = Clipping {
                    runs: 100,
                    first_seconds: Some(1.0),
                    runs_per_second: 16.0,
                }
            },
            AS_IS,
        ),
        of("dc_offset", |f| heard(f).dc_offset = 0.05, AS_IS),
        of(
            "hum",
            |f| {
                heard(f).hum = Some(Hum {
                    hz: 50.0,
                    dbfs: -40.0,
                    above_neighbours_db: 30.0,
                })
            },
            AS_IS,
        ),
        of("short_sound", |f| audio(f).samples = 192_000, AS_IS),
        of("late_sound", |f| audio(f).start_offset_seconds = 0.5, AS_IS),
        of("silence", |f| heard(f).silent = span(3.0, 6.0), AS_IS),
        of("missing_sound", |f| f.audio = None, AS_IS),
        of(
            "dialogue_not_heard",
            |f| f.audio = None,
            |m| m["shots"][2]["dialogue"] = json!([{"text": "Hello there."}]),
        ),
        of("loudness_step", |f| loud(f, 0.0005), AS_IS),
        of("buried_speech", SAME, |m| {
            m["tracks"] = json!([music()]);
            m["shots"][2]["dialogue"] = json!([{"text": "Hello there."}]);
        }),
        of(
            "caption_overlap",
            SAME,
            |m| m["shots"][2]["dialogue"] = json!([{"text": "One.", "start": 0, "end": 3}, {"text": "Two.", "start": 2, "end": 5}]),
        ),
        of("caption_off_shot", SAME, |m| {
            m["shots"][2]["dialogue"] = json!([{"text": "One.", "start": 1, "end": 9}])
        }),
        of(
            "reading_speed",
            SAME,
            |m| {
                m["shots"][2]["dialogue"] = json!([{"text": "A line of some forty letters, no more.", "start": 1, "end": 2}])
            },
        ),
        of("dialogue_too_long", SAME, |m| {
            m["shots"][2]["trim"] = json!({"end": 1.0});
            m["shots"][2]["dialogue"] = json!([{"text": "A line of some forty letters, no more."}]);
        }),
        of("same_clip_twice", SAME, |m| {
            m["shots"][4]["source"]["clip"] = json!(sha("c"))
        }),
        of(
            "same_clip_twice",
            |f| {
                let other = clean(1);
                *f = other;
            },
            AS_IS,
        ),
        of("too_short", SAME, |m| {
            m["shots"][2]["trim"] = json!({"end": 0.125})
        }),
        of(
            "off_pace",
            SAME,
            |m| m["shots"][2] = json!({"id": "c", "source": {"colour": "#204060"}, "duration": 40}),
        ),
    ]
}

#[test]
fn a_clean_film_has_no_findings() {
    let found = found(&film(), &all_facts(SAME));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_rule_about_a_film_fires_on_its_fault() {
    for case in cases() {
        let mut manifest = film();
        (case.manifest)(&mut manifest);
        let found = found(&manifest, &all_facts(case.facts));
        let finding = found
            .iter()
            .find(|finding| finding.rule == case.rule)
            .unwrap_or_else(|| panic!("{} is silent: {found:#?}", case.rule));
        assert!(
            !finding.message.is_empty() && finding.at_seconds.is_some(),
            "{finding:#?}"
        );
        let others: Vec<&str> = found
            .iter()
            .map(|finding| finding.rule.as_str())
            .filter(|rule| *rule != case.rule)
            .collect();
        println!(
            "{}: {} fixes; beside it {others:?}",
            case.rule,
            finding.fixes.len()
        );
    }
}

#[test]
fn every_patch_removes_its_finding_from_the_film() {
    let mut patches = 0;
    for case in cases() {
        let mut manifest = film();
        (case.manifest)(&mut manifest);
        let facts = all_facts(case.facts);
        for finding in found(&manifest, &facts) {
            for fix in finding.fixes.iter().filter(|fix| !fix.patch.is_empty()) {
                let mut patched = manifest.clone();
                findings::apply(&mut patched, [fix]).unwrap();
                let left = found(&patched, &facts);
                let still_there = left.iter().find(|other| {
                    other.rule == finding.rule
                        && other.shot == finding.shot
                        && other.message == finding.message
                });
                assert!(
                    still_there.is_none(),
                    "{}: {fix:#?} leaves {left:#?}",
                    finding.rule
                );
                assert!(
                    left.iter()
                        .filter(|other| other.rule == finding.rule)
                        .count()
                        < found(&manifest, &facts)
                            .iter()
                            .filter(|other| other.rule == finding.rule)
                            .count(),
                    "{}: {fix:#?} only moves it: {left:#?}",
                    finding.rule
                );
                patches += 1;
            }
        }
    }
    assert!(patches > 25, "{patches}");
    println!("{patches} patches applied");
}

#[test]
fn all_patches_of_a_bad_film_can_be_applied_together() {
    let mut manifest = film();
    manifest["shots"][4]["source"]["clip"] = json!(sha("c"));
    let facts = all_facts(|facts| {
        seen(facts).frozen = span(4.0, 6.0);
        heard(facts).correlation = Some(-0.9);
    });
    let all = found(&manifest, &facts);
    let fixes: Vec<_> = all
        .iter()
        .filter_map(|finding| finding.fixes.iter().find(|fix| !fix.patch.is_empty()))
        .collect();
    assert!(fixes.len() >= 3, "{all:#?}");
    findings::apply(&mut manifest, fixes).unwrap();
    let left = found(&manifest, &facts);
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn findings_are_told_on_the_films_timeline() {
    let mut manifest = film();
    manifest["shots"][2]["trim"] = json!({"start": 2.0});
    let facts = all_facts(|facts| seen(facts).frozen = span(1.0, 5.0));
    let all = found(&manifest, &facts);
    let finding = &all[0];
    // Two shots of 6 s come before; the stand runs from the trim to second 5 of the clip.
    assert_eq!(
        (finding.at_seconds, finding.until_seconds, finding.measured),
        (Some(12.0), Some(15.0), Some(3.0))
    );
    assert_eq!(
        (finding.shot.as_deref(), finding.clip),
        (Some("c"), Some(sha("c")))
    );
}

#[test]
fn the_table_names_every_rule_once_with_limit_and_source() {
    assert!(RULES.len() >= 20);
    let cases = cases();
    for (at, rule) in RULES.iter().enumerate() {
        assert!(
            RULES[..at].iter().all(|other| other.id != rule.id),
            "{}",
            rule.id
        );
        assert!(
            !rule.source.is_empty() && !rule.what.is_empty(),
            "{}",
            rule.id
        );
        assert_eq!(rule.limit.is_some(), !rule.unit.is_empty(), "{}", rule.id);
        let kinds = ["norm: ", "calibrated: ", "ours: "];
        assert!(
            kinds.iter().any(|kind| rule.source.starts_with(kind)),
            "{}: what kind of source is {}?",
            rule.id,
            rule.source
        );
        assert!(
            OF_FINISHED.contains(&rule.id) || cases.iter().any(|case| case.rule == rule.id),
            "{} has no case",
            rule.id
        );
    }
}

#[test]
fn facts_and_findings_of_older_versions_can_still_be_read() {
    let mut facts = serde_json::to_value(clean(1)).unwrap();
    facts.as_object_mut().unwrap().remove("still");
    for (part, members) in [
        ("video", &["idr_frames", "bit_rate_bps", "observed"][..]),
        ("audio", &["levels", "observed"]),
    ] {
        for member in members {
            facts[part]
                .as_object_mut()
                .unwrap()
                .remove(*member)
                .unwrap();
        }
    }
    let old: ClipFacts = serde_json::from_value(facts).unwrap();
    assert!(findings::of_clip(&old).is_empty());
    let finding = json!({"rule": "film_length", "severity": "warning", "message": "short"});
    let finding: Finding = serde_json::from_value(finding).unwrap();
    assert!(finding.fixes.is_empty() && finding.clip.is_none());
}
