//! Films with one fault each.

use botflix_common::fixtures;
use botflix_common::manifest::read::read_manifest;
use botflix_common::units::FrameRate;
use botflix_media::check::Examined;
use serde_json::json;

use super::*;

fn film() -> Finished {
    let facts = fixtures::clip(320, 180, FrameRate::new(25, 1).unwrap(), 100);
    let seen = Examined {
        facts,
        chapters: 1,
        captions: 1,
        index_first: Some(true),
        drift_seconds: Some(0.0),
        findings: Vec::new(),
    };
    Finished { seen, captions: 2 }
}

fn wanted() -> Wanted {
    let clip = format!("sha256:{}", "0".repeat(64));
    let manifest = json!({
        "title": "T",
        "format": { "width": 320, "height": 180, "fps": 25 },
        "beats": [{ "id": "b", "name": "B" }],
        "shots": [
            { "id": "s1", "beat": "b", "source": { "clip": clip }, "dialogue": [{ "text": "One." }] },
            { "id": "s2", "beat": "b", "source": { "clip": clip }, "dialogue": [{ "text": "Two." }] }
        ]
    });
    let manifest = read_manifest(manifest.to_string().as_bytes()).unwrap();
    Wanted {
        frames: Some(100),
        ..Wanted::by_manifest(&manifest)
    }
}

fn wrong(film: &Finished, wanted: &Wanted) -> Vec<&'static str> {
    let failed = points(film, wanted)
        .into_iter()
        .filter(|point| !point.holds);
    failed.map(|point| point.name).collect()
}

fn video(film: &mut Finished) -> &mut VideoFacts {
    film.seen.facts.video.as_mut().unwrap()
}

fn audio(film: &mut Finished) -> &mut AudioFacts {
    film.seen.facts.audio.as_mut().unwrap()
}

#[test]
fn a_film_that_is_as_wanted_has_no_wrong_point() {
    assert_eq!(wrong(&film(), &wanted()), Vec::<&str>::new());
    assert_eq!(wrong(&film(), &Wanted::default()), Vec::<&str>::new());
}

#[test]
fn each_fault_is_told_as_the_point_that_it_is() {
    type Fault = fn(&mut Finished);
    let faults: [(&str, Fault); 12] = [
        ("size", |film| video(film).width = 322),
        ("rate", |film| video(film).constant_rate = false),
        ("frames", |film| video(film).frames = 99),
        ("codec", |film| video(film).codec = "hevc".to_owned()),
        ("drift", |film| audio(film).samples -= 2_400),
        ("sound starts", |film| {
            audio(film).start_offset_seconds = 0.05;
            audio(film).samples -= 2_400;
        }),
        ("loudness", |film| audio(film).integrated_lufs = Some(-16.0)),
        ("true peak", |film| audio(film).true_peak_dbtp = Some(-0.5)),
        ("chapters", |film| film.seen.chapters = 0),
        ("captions", |film| film.captions = 1),
        ("index", |film| film.seen.index_first = Some(false)),
        ("sound", |film| film.seen.facts.audio = None),
    ];
    for (name, spoil) in faults {
        let mut film = film();
        spoil(&mut film);
        assert_eq!(wrong(&film, &wanted()), [name]);
    }
}

#[test]
fn silence_has_no_loudness_to_miss() {
    let mut film = film();
    audio(&mut film).integrated_lufs = None;
    audio(&mut film).true_peak_dbtp = None;
    assert_eq!(wrong(&film, &wanted()), Vec::<&str>::new());
}
