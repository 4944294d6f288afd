//! Music, narration and effects over the film.

use botflix_common::film::TrackKind;
use botflix_common::task::Duck;

use crate::clips::{ffmpeg, samples};
use crate::studio::{RATE, Studio, level_db, shot, sine, spec, track};

/// What is left of a sound when everything but a tone is taken away, dB, over each tenth of a second.
fn tone_levels(sound: &[f32], hertz: f64) -> Vec<f64> {
    sound
        .chunks_exact(RATE as usize / 10)
        .map(|window| {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for (at, sample) in window.iter().enumerate() {
                let angle = std::f64::consts::TAU * hertz * at as f64 / RATE as f64;
                real += f64::from(*sample) * angle.cos();
                imaginary += f64::from(*sample) * angle.sin();
            }
            20.0 * (2.0 * f64::hypot(real, imaginary) / window.len() as f64).log10()
        })
        .collect()
}

#[tokio::test]
async fn music_is_turned_down_under_narration_and_under_dialogue_and_comes_back() {
    let mut studio = Studio::open().await;
    let music = studio.wave("music.wav", 10 * RATE, |at| [sine(100.0, 0.1, at); 2]);
    // A voice is silent now and then; this one for 0.1 s of each 0.5.
    let voice = studio.wave("voice.wav", 2 * RATE, |at| {
        let speaks = at % (RATE / 2) < RATE * 2 / 5;
        [if speaks { sine(1000.0, 0.2, at) } else { 0.0 }; 2]
    });
    let mut dialogue = shot(voice, 6 * RATE, 2 * RATE);
    dialogue.speech = true;
    let mut under = track(music, TrackKind::Music, 0, 10 * RATE);
    under.duck = Some(Duck {
        amount: 15.0,
        attack: 0.1,
        release: 0.5,
    });
    let narration = track(voice, TrackKind::Narration, 2 * RATE, 10 * RATE);
    let film = spec(vec![dialogue], vec![under, narration], 10 * RATE);
    let (file, _) = studio.mixed(&film).await;
    let levels = tone_levels(&samples(&file), 100.0);
    let open = levels[10];
    let mean = |from: usize, to: usize| levels[from..to].iter().sum::<f64>() / (to - from) as f64;
    for (from, to) in [(23, 39), (63, 79)] {
        assert!((open - mean(from, to) - 15.0).abs() < 0.7, "{levels:?}");
        let loudest = levels[from..to].iter().copied().fold(f64::MIN, f64::max);
        assert!(open - loudest > 13.5, "it pumps between words: {levels:?}");
    }
    // 0.3 s of hold and 0.5 s of release later it is back.
    for (from, to) in [(5, 19), (51, 59), (91, 99)] {
        assert!((open - mean(from, to)).abs() < 0.3, "{levels:?}");
    }
}

#[tokio::test]
async fn a_track_repeats_its_part_of_the_clip_until_it_ends_whatever_decodes_it() {
    let mut studio = Studio::open().await;
    let wave = studio.path("beat.wav");
    // A beat at 0.5 s of a clip, of which 0.25 s … 1.25 s is used: a beat each second.
    crate::studio::write_wave(&wave, 2 * RATE, |at| {
        let beat = (24_000..26_400).contains(&at);
        [if beat { sine(800.0, 0.5, at) } else { 0.0 }; 2]
    });
    let path = studio.path("beat.mp4");
    ffmpeg(
        &["-i", wave.to_str().unwrap(), "-c:a", "aac", "-b:a", "192k"],
        &path,
    );
    for clip in [studio.clip(&wave), studio.clip(&path)] {
        let mut beats = track(clip, TrackKind::Effects, RATE, 5 * RATE + RATE / 2);
        beats.clip_start_seconds = 0.25;
        beats.clip_end_seconds = Some(1.25);
        beats.repeat = true;
        let (file, _) = studio.mixed(&spec(Vec::new(), vec![beats], 7 * RATE)).await;
        let sound = samples(&file);
        let mut heard = Vec::new();
        let mut at = 0;
        while let Some(found) = sound[at..].iter().position(|sample| sample.abs() > 0.2) {
            heard.push(at + found);
            at += found + RATE as usize / 5;
        }
        let expected: Vec<usize> = (0..5).map(|round| 60_000 + round * 48_000).collect();
        assert_eq!(heard.len(), 5, "{heard:?}");
        for (heard, expected) in heard.iter().zip(&expected) {
            assert!(heard.abs_diff(*expected) < 100, "{heard} for {expected}");
        }
        assert!(level_db(&sound[RATE as usize * 11 / 2 + 2000..]) < -60.0);
    }
}

#[tokio::test]
async fn a_track_of_nothing_is_an_error_that_names_it() {
    let mut studio = Studio::open().await;
    let short = studio.wave("short.wav", 1000, |at| [sine(800.0, 0.5, at); 2]);
    let nothing = studio.wave("nothing.wav", 0, |_| [0.0; 2]);
    for (clip, repeat, start, code) in [
        (short, true, 0.0, "track_too_short_to_repeat"),
        (short, false, 1.0, "track_empty"),
        (nothing, true, 0.0, "track_empty"),
    ] {
        let mut music = track(clip, TrackKind::Music, 0, 2 * RATE);
        music.repeat = repeat;
        music.clip_start_seconds = start;
        let film = spec(Vec::new(), vec![music], 2 * RATE);
        let failure = studio.try_mixed(&film).await.unwrap_err().failure();
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(
            failure.message.starts_with("track 1 (music)"),
            "{failure:?}"
        );
    }
}
