//! Plans of small manifests, compared with what they must be.

use super::*;
use crate::facts::pictures::Damaged;
use crate::facts::{Container, Proxy};
use crate::fixtures;
use crate::manifest::read::read_manifest;
use crate::task::{PictureSource, SegmentSource, TaskSpec};
use crate::units::FrameRate;

pub(super) fn clip(name: &str) -> Sha {
    Sha::of(name.as_bytes())
}

pub(super) fn facts(width: u32, height: u32, fps: FrameRate, frames: u64) -> ClipFacts {
    let mut facts = fixtures::clip(width, height, fps, frames);
    if let Some(video) = &mut facts.video {
        video.claimed_duration_seconds = None;
        video.parameter_sets = Some("aa".into());
    }
    if let Some(audio) = &mut facts.audio {
        audio.integrated_lufs = Some(-20.0);
        audio.true_peak_dbtp = Some(-3.0);
    }
    facts
}

pub(super) fn rate(num: u32, den: u32) -> FrameRate {
    FrameRate::new(num, den).unwrap()
}

pub(super) fn manifest(shots: &str, rest: &str) -> ShotManifest {
    let text = format!(r#"{{"title": "T", "shots": [{shots}]{rest}}}"#);
    read_manifest(text.as_bytes()).unwrap()
}

pub(super) fn shot(id: &str, name: &str, rest: &str) -> String {
    format!(
        r#"{{"id": "{id}", "source": {{"clip": "{}"}}{rest}}}"#,
        clip(name)
    )
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.tasks.iter().map(|task| task.kind().name()).collect()
}

#[test]
fn packing_is_expected_to_cost_next_to_nothing_and_every_task_counts_in_progress() {
    let plan = plan(&manifest(&shot("1", "a", ""), ""), &five_seconds()).unwrap();
    for task in &plan.tasks {
        let packs = matches!(task.spec, TaskSpec::Package(_));
        assert_eq!(task.weight < 0.01, packs, "{:?}", task.kind());
        assert!(task.weight > 0.0);
    }
}

#[test]
fn equal_clips_in_the_films_own_format_are_copied() {
    let known = FactsByClip::from([(clip("a"), facts(1280, 720, rate(24, 1), 48))]);
    let manifest = manifest(&[shot("1", "a", ""), shot("2", "a", "")].join(","), "");
    let plan = plan(&manifest, &known).unwrap();
    assert_eq!(kinds(&plan), ["mix", "assemble", "check", "package"]);
    assert_eq!(plan.total_frames, 96);
    assert_eq!(plan.total_samples, 4 * 48_000);
}

#[test]
fn one_odd_shot_is_conformed_and_the_others_are_copied() {
    let known = FactsByClip::from([
        (clip("a"), facts(1280, 720, rate(24, 1), 48)),
        (clip("b"), facts(640, 480, rate(25, 1), 50)),
    ]);
    let manifest = manifest(&[shot("1", "a", ""), shot("2", "b", "")].join(","), "");
    let plan = plan(&manifest, &known).unwrap();
    assert_eq!(
        kinds(&plan),
        ["conform", "mix", "assemble", "check", "package"]
    );
    assert_eq!(plan.format.fps, rate(24, 1));
    assert_eq!(
        cut(&plan),
        ["1 copy 0 48".to_owned(), "2 conform 48".to_owned()]
    );
}

/// The film's segments as text: shot, how, first frame of a copy, frames.
pub(super) fn cut(plan: &Plan) -> Vec<String> {
    let Some(TaskSpec::Assemble(assemble)) = plan
        .only(crate::task::TaskKind::Assemble)
        .map(|task| &task.spec)
    else {
        panic!("no assemble task");
    };
    let frames: u64 = assemble.segments.iter().map(|segment| segment.frames).sum();
    assert_eq!(frames, plan.total_frames, "the segments tile the film");
    let said = |segment: &crate::task::Segment| match &segment.source {
        SegmentSource::Copy { first_frame, .. } => {
            format!("{} copy {first_frame} {}", segment.shot, segment.frames)
        }
        SegmentSource::Conform { .. } => format!("{} conform {}", segment.shot, segment.frames),
    };
    assemble.segments.iter().map(said).collect()
}

/// The specs of the film's conform tasks, in order.
pub(super) fn conforms(plan: &Plan) -> Vec<&crate::task::ConformSpec> {
    plan.tasks
        .iter()
        .filter_map(|task| match &task.spec {
            TaskSpec::Conform(spec) => Some(spec.as_ref()),
            _ => None,
        })
        .collect()
}

fn five_seconds() -> FactsByClip {
    FactsByClip::from([(clip("a"), facts(1280, 720, rate(24, 1), 120))])
}

#[test]
fn a_trim_off_an_idr_encodes_up_to_the_next_one_and_copies_the_rest() {
    let trimmed = shot("1", "a", r#", "trim": {"start": 0.5, "end": 4.5}"#);
    let plan = plan(&manifest(&trimmed, ""), &five_seconds()).unwrap();
    assert_eq!(cut(&plan), ["1 conform 12", "1 copy 24 72", "1 conform 12"]);
    let starts: Vec<_> = conforms(&plan)
        .iter()
        .map(|spec| match spec.picture.source {
            crate::task::PictureSource::Clip { start_seconds, .. } => start_seconds,
            _ => panic!("not a clip"),
        })
        .collect();
    assert_eq!(starts, [0.5, 4.0]);
}

#[test]
fn a_dissolve_overlaps_both_shots_and_encodes_only_the_groups_it_touches() {
    let shots = [
        shot("1", "a", ""),
        shot(
            "2",
            "a",
            r#", "transition": {"kind": "dissolve", "duration": 1}"#,
        ),
    ]
    .join(",");
    let plan = plan(&manifest(&shots, ""), &five_seconds()).unwrap();
    assert_eq!(plan.total_frames, 216);
    assert_eq!(cut(&plan), ["1 copy 0 96", "2 conform 24", "2 copy 24 96"]);
    let blend = conforms(&plan)[0].under.clone().unwrap();
    assert_eq!((blend.first_frame, blend.total_frames), (0, 24));
    let Some(TaskSpec::Mix(mix)) = plan.only(crate::task::TaskKind::Mix).map(|task| &task.spec)
    else {
        panic!("no mix");
    };
    assert_eq!(mix.shots[1].first_sample, 4 * 48_000);
    assert_eq!(
        mix.shots[0].fade_out,
        crate::task::Fade::equal_power(48_000)
    );
    assert_eq!(mix.shots[1].fade_in, crate::task::Fade::equal_power(48_000));
}

#[test]
fn a_fade_through_black_lets_one_sound_end_before_the_other_begins() {
    let shots = [
        shot("1", "a", ""),
        shot(
            "2",
            "a",
            r#", "transition": {"kind": "fade", "duration": 1}"#,
        ),
    ]
    .join(",");
    let plan = plan(&manifest(&shots, ""), &five_seconds()).unwrap();
    let Some(TaskSpec::Mix(mix)) = plan.only(crate::task::TaskKind::Mix).map(|task| &task.spec)
    else {
        panic!("no mix");
    };
    let (one, two) = (&mix.shots[0], &mix.shots[1]);
    assert_eq!(one.first_sample + one.samples, 216_000);
    assert_eq!((two.first_sample, two.clip_start_seconds), (216_000, 0.5));
    assert_eq!(two.first_sample + two.samples, mix.total_samples);
}

#[test]
fn transitions_that_leave_nothing_of_a_shot_are_refused() {
    let shots = |first: f64, second: f64| {
        [
            shot("1", "a", ""),
            shot(
                "2",
                "a",
                &format!(r#", "transition": {{"kind": "dissolve", "duration": {first}}}"#),
            ),
            shot(
                "3",
                "a",
                &format!(r#", "transition": {{"kind": "dissolve", "duration": {second}}}"#),
            ),
        ]
        .join(",")
    };
    assert!(plan(&manifest(&shots(2.0, 2.0), ""), &five_seconds()).is_ok());
    for (first, second, pointer) in [
        (5.0, 1.0, "/shots/1/transition/duration"),
        (3.0, 2.0, "/shots/2/transition/duration"),
        (9.0, 1.0, "/shots/1/transition/duration"),
    ] {
        let problems = plan(&manifest(&shots(first, second), ""), &five_seconds()).unwrap_err();
        assert_eq!(
            (problems[0].pointer.as_str(), problems[0].code.as_str()),
            (pointer, "transition_too_long")
        );
    }
}

#[test]
fn a_title_encodes_the_groups_under_it_and_no_others() {
    let titled = manifest(
        &shot("1", "a", ""),
        r#", "titles": [{"text": "Now", "start": 1.5, "duration": 1}]"#,
    );
    let plan = plan(&titled, &five_seconds()).unwrap();
    assert_eq!(cut(&plan), ["1 copy 0 24", "1 conform 48", "1 copy 72 48"]);
    let overlay = &conforms(&plan)[0].overlays[0];
    assert_eq!((overlay.from_frame, overlay.to_frame), (12, 36));
}

#[test]
fn damaged_pictures_are_made_anew_up_to_the_next_key_picture_and_the_others_copied() {
    let damaged = |spans: &[(f64, f64)], rest: &str| {
        let mut material = five_seconds();
        let video = material.get_mut(&clip("a")).unwrap().video.as_mut();
        video.unwrap().observed.get_or_insert_default().damaged = spans
            .iter()
            .map(|(start_seconds, end_seconds)| Damaged {
                start_seconds: *start_seconds,
                end_seconds: *end_seconds,
                pictures: 1,
            })
            .collect();
        cut(&plan(&manifest(&shot("1", "a", rest), ""), &material).unwrap())
    };
    let inside = ["1 copy 0 24", "1 conform 24", "1 copy 48 72"];
    assert_eq!(damaged(&[(1.5, 2.0)], ""), inside);
    // Of a key picture.
    assert_eq!(damaged(&[(1.0, 2.0)], ""), inside);
    let ends = damaged(&[(0.0, 1.0), (4.5, 5.0)], "");
    assert_eq!(ends, ["1 conform 24", "1 copy 24 72", "1 conform 24"]);
    assert_eq!(damaged(&[(0.0, 5.0)], ""), ["1 conform 120"]);
    // What the shot does not show is no matter.
    let behind = damaged(&[(0.5, 1.0)], r#", "trim": {"start": 1}"#);
    assert_eq!(behind, ["1 copy 24 96"]);
    let before = damaged(&[(4.5, 5.0)], r#", "trim": {"end": 4}"#);
    assert_eq!(before, ["1 copy 0 96"]);
}

#[test]
fn a_film_of_stills_and_colours_has_the_length_that_they_are_given() {
    let mut still = facts(800, 600, rate(25, 1), 1);
    (still.container, still.still, still.audio) = (Some(Container::Png), true, None);
    let known = FactsByClip::from([(clip("s"), still)]);
    let shots = format!(
        r##"{{"id": "1", "source": {{"still": "{}"}}, "duration": 3, "motion": {{"to": {{"zoom": 1.5}}}}}},
            {{"id": "2", "source": {{"colour": "#102030"}}, "duration": 1.5, "transition": {{"kind": "dissolve", "duration": 0.5}}}}"##,
        clip("s")
    );
    let plan = plan(
        &manifest(
            &shots,
            r#", "format": {"width": 640, "height": 360, "fps": 24}"#,
        ),
        &known,
    )
    .unwrap();
    assert_eq!(plan.total_frames, 96);
    assert_eq!(cut(&plan), ["1 conform 60", "2 conform 12", "2 conform 24"]);
    let motion = conforms(&plan)[1]
        .under
        .as_ref()
        .unwrap()
        .picture
        .motion
        .unwrap();
    assert_eq!((motion.first_frame, motion.total_frames), (60, 72));
}

#[test]
fn a_copied_segment_is_to_show_what_its_clip_shows_where_that_is_known() {
    let mut known = five_seconds();
    for facts in known.values_mut() {
        let video = facts.video.as_mut().unwrap();
        video.idr_crcs = (0..video.idr_frames.len() as u32)
            .map(|at| 7 + at)
            .collect();
    }
    let two = format!(
        "{}, {}",
        shot("1", "a", r#", "trim": {"start": 2.0}"#),
        shot("2", "a", r#", "trim": {"start": 0.5}"#)
    );
    let crcs = |facts: &FactsByClip| -> Vec<Option<u32>> {
        let plan = plan(&manifest(&two, ""), facts).unwrap();
        let check = plan.tasks.iter().find_map(|task| match &task.spec {
            TaskSpec::Check(check) => Some(check.clone()),
            _ => None,
        });
        let joins = check.unwrap().joins;
        joins.iter().map(|join| join.luma_crc).collect()
    };
    // The second shot begins between two IDR pictures: it is made anew up to the next.
    assert_eq!(crcs(&known), [Some(9), None, Some(8)]);
    assert_eq!(crcs(&five_seconds()), [None, None, None]);
}

#[test]
fn a_draft_has_a_quarter_of_the_pixels_and_copies_nothing() {
    let draft = manifest(&shot("1", "a", ""), r#", "delivery": {"preset": "draft"}"#);
    let plan = plan(&draft, &five_seconds()).unwrap();
    assert_eq!((plan.format.width, plan.format.height), (640, 360));
    assert_eq!(cut(&plan), ["1 conform 120"]);
}

#[test]
fn a_draft_is_made_of_proxies_where_there_are_some_and_nothing_else_is() {
    let mut known = five_seconds();
    let video = known.get_mut(&clip("a")).unwrap().video.as_mut().unwrap();
    video.start_seconds = 1.5;
    video.colour.full_range = true;
    let clip_of = |known: &FactsByClip, preset: &str| {
        let rest = format!(r#", "delivery": {{"preset": "{preset}"}}"#);
        let trimmed = shot("1", "a", r#", "trim": {"start": 0.25}"#);
        let plan = plan(&manifest(&trimmed, &rest), known).unwrap();
        let conform = plan.tasks.into_iter().find_map(|task| match task.spec {
            TaskSpec::Conform(spec) => Some(spec.picture.source),
            _ => None,
        });
        match conform.unwrap() {
            PictureSource::Clip {
                clip,
                start_seconds,
                first_picture_seconds,
                look,
            } => (clip, start_seconds, first_picture_seconds, look.full_range),
            other => panic!("{other:?}"),
        }
    };
    let clips_own = (clip("a"), 0.25, 1.5, true);
    assert_eq!(clip_of(&known, "draft"), clips_own);
    let video = known.get_mut(&clip("a")).unwrap().video.as_mut().unwrap();
    video.proxy = Some(Proxy {
        sha256: clip("a, small"),
        width: 640,
        height: 360,
    });
    let proxys = (clip("a, small"), 0.25, 0.0, false);
    assert_eq!(clip_of(&known, "draft"), proxys);
    assert_eq!(clip_of(&known, "standard"), clips_own);
}

#[test]
fn titles_at_one_place_at_one_time_are_refused() {
    let titles = |second: &str| {
        format!(r#", "titles": [{{"text": "A", "start": 1, "end": 3}}, {{"text": "B", {second}}}]"#)
    };
    let planned = |second: &str| {
        plan(
            &manifest(&shot("1", "a", ""), &titles(second)),
            &five_seconds(),
        )
    };
    assert!(planned(r#""start": 3, "end": 4"#).is_ok());
    assert!(planned(r#""start": 2, "end": 4, "position": "top""#).is_ok());
    let problems = planned(r#""start": 2, "end": 4"#).unwrap_err();
    assert_eq!(
        (problems[0].pointer.as_str(), problems[0].code.as_str()),
        ("/titles/1", "titles_overlap")
    );
}

#[test]
fn changing_one_shot_changes_one_segment_key() {
    let known = FactsByClip::from([
        (clip("a"), facts(1280, 720, rate(24, 1), 48)),
        (clip("b"), facts(640, 480, rate(25, 1), 50)),
        (clip("c"), facts(640, 480, rate(25, 1), 50)),
    ]);
    let segment_keys = |last: &str| {
        let manifest = manifest(
            &[shot("1", "a", ""), shot("2", "b", ""), shot("3", last, "")].join(","),
            r#", "format": {"width": 1280, "height": 720, "fps": 24}"#,
        );
        let plan = plan(&manifest, &known).unwrap();
        plan.tasks
            .iter()
            .filter(|task| matches!(task.spec, TaskSpec::Conform(_)))
            .map(|task| task.key)
            .collect::<Vec<_>>()
    };
    let (before, after) = (segment_keys("a"), segment_keys("c"));
    let new = after.iter().filter(|key| !before.contains(key)).count();
    assert_eq!(new, 1);
}

#[test]
fn rounding_never_adds_up_over_240_shots() {
    // 1.01 s at 24 fps is 24.24 frames: rounded shot by shot, 240 of them would lose more than two seconds.
    let known = FactsByClip::from([(clip("a"), facts(320, 180, rate(100, 1), 101))]);
    let shots: Vec<String> = (0..240).map(|at| shot(&at.to_string(), "a", "")).collect();
    let manifest = manifest(
        &shots.join(","),
        r#", "format": {"width": 320, "height": 180, "fps": "24000/1001"}"#,
    );
    let plan = plan(&manifest, &known).unwrap();
    let exact = 240.0 * 1.01;
    assert!((plan.duration_seconds - exact).abs() < 0.5 / 23.976);
    let frames: u64 = plan.ledger.iter().map(|row| row.frames).sum();
    assert_eq!(frames, plan.total_frames);
    assert_eq!(plan.total_samples, plan.format.fps.samples_at(frames));
}

#[test]
fn trims_past_the_end_and_unknown_clips_are_all_reported_with_pointers() {
    let known = FactsByClip::from([(clip("a"), facts(320, 180, rate(24, 1), 48))]);
    let manifest = manifest(
        &[
            shot("1", "a", r#", "trim": {"start": 1.0, "end": 2.5}"#),
            shot("2", "nowhere", ""),
            shot("3", "a", r#", "trim": {"start": 9}"#),
        ]
        .join(","),
        "",
    );
    let problems = plan(&manifest, &known).unwrap_err();
    let pointers: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/shots/1/source/clip",
            "/shots/0/trim/end",
            "/shots/2/trim/start"
        ]
    );
}

#[test]
fn beats_become_chapters_and_lines_become_captions_in_film_time() {
    let known = FactsByClip::from([(clip("a"), facts(320, 180, rate(24, 1), 48))]);
    let manifest = manifest(
        &[
            shot("1", "a", r#", "beat": "one""#),
            shot("2", "a", r#", "beat": "one""#),
            shot(
                "3",
                "a",
                r#", "beat": "two", "dialogue": [{"text": "Hello", "start": 0.5}]"#,
            ),
        ]
        .join(","),
        r#", "beats": [{"id": "one", "name": "Opening"}, {"id": "two", "name": "Storm"}]"#,
    );
    let plan = plan(&manifest, &known).unwrap();
    let Some(TaskSpec::Assemble(assemble)) = plan
        .only(crate::task::TaskKind::Assemble)
        .map(|task| &task.spec)
    else {
        panic!("no assemble task");
    };
    let chapters: Vec<(f64, &str)> = assemble
        .chapters
        .iter()
        .map(|chapter| (chapter.start_seconds, chapter.title.as_str()))
        .collect();
    assert_eq!(chapters, [(0.0, "Opening"), (4.0, "Storm")]);
    assert_eq!(assemble.captions.len(), 1);
    assert_eq!(assemble.captions[0].start_seconds, 4.5);
    assert_eq!(assemble.captions[0].end_seconds, 6.0);
    assert!(matches!(
        assemble.segments[0].source,
        SegmentSource::Copy { .. }
    ));
}
