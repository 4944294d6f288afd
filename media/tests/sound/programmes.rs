//! Loudness and true peak of the encoded file, for every kind of programme.

use std::process::Command;

use botflix_common::task::{MixSpec, Prediction, SoundFacts};

use crate::clips::{ebur128, samples};
use crate::studio::{RATE, Studio, noise, shot, sine, spec};

/// What the encoded file may miss the target by, LU.
const TOLERANCE_LU: f64 = 0.2;

/// ffmpeg's meter prints tenths, and its oversampling filter is another one.
const OTHER_METER: f64 = 0.1;

async fn measured(studio: &Studio, name: &str, spec: &MixSpec) -> (SoundFacts, f64, f64) {
    let (file, facts) = studio.mixed(spec).await;
    let (integrated, peak) = ebur128(&file);
    println!(
        "{name:<34} I {:>7.2} LUFS  TP {:>6.2} dBTP  gain {:>6.2} dB   ffmpeg: I {integrated:>6.1}  TP {peak:>6.1}",
        facts.integrated_lufs.unwrap_or(f64::NEG_INFINITY),
        facts.true_peak_dbtp.unwrap_or(f64::NEG_INFINITY),
        facts.gain_db,
    );
    assert!(facts.true_peak_dbtp.unwrap() <= -1.0, "{name}: {facts:?}");
    assert!(peak <= -1.0, "{name}: ffmpeg says {peak} dBTP");
    (facts, integrated, peak)
}

async fn reaches_the_target(studio: &Studio, name: &str, spec: &MixSpec) -> SoundFacts {
    let target = spec.loudness.integrated;
    let (facts, integrated, _) = measured(studio, name, spec).await;
    let ours = facts.integrated_lufs.unwrap();
    assert!((ours - target).abs() <= TOLERANCE_LU, "{name}: {facts:?}");
    assert!(
        (integrated - target).abs() <= TOLERANCE_LU + OTHER_METER,
        "{name}: ffmpeg says {integrated} LUFS"
    );
    facts
}

/// Plucked chords with a bass, rising and falling.
fn music(at: u64) -> [f32; 2] {
    let beat = at % (RATE / 2);
    let pluck = (-(beat as f64) / 6000.0).exp();
    let chord = [220.0, 277.18, 329.63, 440.0][(at / RATE % 4) as usize];
    let left = sine(chord, 0.25 * pluck, at) + sine(chord * 1.5, 0.1 * pluck, at);
    let right = sine(chord * 1.498, 0.2 * pluck, at) + sine(chord, 0.1 * pluck, at);
    let bass = sine(chord / 4.0, 0.2, at);
    [left + bass, right + bass]
}

#[tokio::test]
async fn every_programme_meets_loudness_and_peak_as_encoded() {
    let mut studio = Studio::open().await;
    let length = 6 * RATE;

    let text = "The rain had stopped. Nobody said a word, and then everybody spoke at once.";
    let path = studio.path("speech.wav");
    let spoken = Command::new("espeak-ng")
        .arg("-w")
        .arg(&path)
        .arg(text)
        .status();
    assert!(spoken.unwrap().success());
    let speech = studio.clip(&path);
    let music_clip = studio.wave("music.wav", length, music);
    let mut hiss = noise(1);
    let loud = studio.wave("noise.wav", length, |_| [hiss() * 3.0, hiss() * 3.0]);
    let mut hiss = noise(2);
    let soft = studio.wave("soft.wav", length, |_| [hiss() * 0.004, hiss() * 0.004]);
    let mono = studio.wave("mono.wav", length, |at| [music(at)[0]]);
    let mut hiss = noise(3);
    let surround = studio.wave("surround.wav", length, |at| {
        let [left, right] = music(at);
        [
            left,
            right,
            hiss() * 0.2,
            sine(40.0, 0.3, at),
            left * 0.5,
            right * 0.5,
        ]
    });

    for (name, clip) in [
        ("speech (mono, 22.05 kHz)", speech),
        ("music", music_clip),
        ("loud noise", loud),
        ("near silence (noise, -50 LUFS)", soft),
        ("mono", mono),
        ("5.1", surround),
    ] {
        reaches_the_target(
            &studio,
            name,
            &spec(vec![shot(clip, 0, length)], Vec::new(), length),
        )
        .await;
    }
}

#[tokio::test]
async fn what_cannot_be_as_loud_as_asked_keeps_its_peak_and_says_how_loud_it_is() {
    let mut studio = Studio::open().await;
    let length = 4 * RATE;
    let click = studio.wave("click.wav", length, |at| {
        let value = if at == length / 2 {
            0.99
        } else {
            sine(300.0, 1e-4, at)
        };
        [value, value]
    });
    let film = spec(vec![shot(click, 0, length)], Vec::new(), length);
    let (facts, _, _) = measured(&studio, "a single loud click", &film).await;
    assert!(facts.integrated_lufs.unwrap() < -15.0, "{facts:?}");

    // The noise of a room at −63 LUFS: 40 dB louder and no more.
    let mut hiss = noise(4);
    let room = studio.wave("room.wav", length, |_| [hiss() * 6e-4, hiss() * 6e-4]);
    let film = spec(vec![shot(room, 0, length)], Vec::new(), length);
    let (facts, _, _) = measured(&studio, "a room's noise (-63 LUFS)", &film).await;
    assert!((facts.gain_db - 40.0).abs() < 0.5, "{facts:?}");
    assert!(
        (facts.integrated_lufs.unwrap() + 23.0).abs() < 1.0,
        "{facts:?}"
    );
}

#[tokio::test]
async fn a_prediction_saves_the_pass_that_measures_and_a_wrong_one_does_not_spoil_the_film() {
    let mut studio = Studio::open().await;
    let length = 5 * RATE;
    let clip = studio.wave("tone.wav", length, |at| [sine(1000.0, 0.1, at); 2]);
    let mut film = spec(vec![shot(clip, 0, length)], Vec::new(), length);
    let bed = studio.ctx.scratch.join("mix-bed.f32");
    film.predicted = Some(Prediction {
        integrated_lufs: Some(-20.0),
        true_peak_dbtp: Some(-20.0),
    });
    reaches_the_target(&studio, "predicted", &film).await;
    assert!(!bed.exists(), "the mix was measured although it was known");
    film.predicted = Some(Prediction {
        integrated_lufs: Some(-30.0),
        true_peak_dbtp: Some(-28.0),
    });
    reaches_the_target(&studio, "wrongly predicted", &film).await;
    assert!(bed.exists());
}

#[tokio::test]
async fn a_prediction_that_is_off_by_a_quarter_of_a_unit_is_not_what_the_film_measures() {
    let mut studio = Studio::open().await;
    let length = 5 * RATE;
    let clip = studio.wave("tone.wav", length, |at| [sine(1000.0, 0.1, at); 2]);
    let mut film = spec(vec![shot(clip, 0, length)], Vec::new(), length);
    let (_, known) = studio.mixed(&film).await;
    let really = known.integrated_lufs.unwrap() - known.gain_db;
    for off in [-0.25, 0.25] {
        film.predicted = Some(Prediction {
            integrated_lufs: Some(really + off),
            true_peak_dbtp: Some(-20.0),
        });
        reaches_the_target(&studio, "predicted a little wrong", &film).await;
    }
}

#[tokio::test]
async fn a_mono_clip_is_as_loud_as_before_and_a_surround_clip_is_mixed_down_by_bs_775() {
    let mut studio = Studio::open().await;
    let length = 3 * RATE;
    // Each speaker has a tone of its own.
    let hertz = [400.0, 700.0, 1100.0, 60.0, 1900.0, 2900.0];
    let surround = studio.wave("surround.wav", length, |at| {
        hertz.map(|hertz| sine(hertz, 0.1, at))
    });
    let mono = studio.wave("mono.wav", length, |at| [sine(5000.0, 0.1, at)]);
    let mut film = spec(
        vec![shot(surround, 0, length), shot(mono, 0, length)],
        Vec::new(),
        length,
    );
    film.loudness.integrated = -20.0;
    let (file, facts) = studio.mixed(&film).await;
    let left = samples(&file);
    let amplitude = |hertz: f64| {
        let window = &left[RATE as usize..2 * RATE as usize];
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, sample) in window.iter().enumerate() {
            let angle = std::f64::consts::TAU * hertz * at as f64 / RATE as f64;
            real += f64::from(*sample) * angle.cos();
            imaginary += f64::from(*sample) * angle.sin();
        }
        2.0 * f64::hypot(real, imaginary) / window.len() as f64 / 10f64.powf(facts.gain_db / 20.0)
    };
    // Left front, right front, centre, low frequencies, left and right surround, mono.
    let expected = [0.1, 0.0, 0.0707, 0.0, 0.0707, 0.0, 0.0707];
    for (hertz, expected) in hertz.into_iter().chain([5000.0]).zip(expected) {
        let found = amplitude(hertz);
        assert!((found - expected).abs() < 0.004, "{hertz} Hz: {found}");
    }
}

#[tokio::test]
async fn shots_are_evened_only_when_it_is_asked_for() {
    let mut studio = Studio::open().await;
    let second = 2 * RATE;
    let clips = [0.2, 0.05, 0.1].map(|level| {
        studio.wave(&format!("tone-{level}.wav"), second, move |at| {
            [sine(1000.0, level, at); 2]
        })
    });
    let shots: Vec<_> = clips
        .iter()
        .zip(0..)
        .map(|(clip, number)| shot(*clip, number * second, second))
        .collect();
    let mut film = spec(shots, Vec::new(), 3 * second);
    for (even, apart) in [(false, 12.0), (true, 0.0)] {
        film.loudness.even_shots = even;
        let (file, _) = studio.mixed(&film).await;
        let sound = samples(&file);
        let of = |number: usize| {
            let middle = (number * 2 + 1) * RATE as usize;
            crate::studio::level_db(&sound[middle - 9600..middle + 9600])
        };
        assert!(
            (of(0) - of(1) - apart).abs() < 0.3,
            "{} {} {}",
            of(0),
            of(1),
            of(2)
        );
    }
}
