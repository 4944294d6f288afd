//! The story as a ShotManifest, written as an agent would: files by name, decimal seconds.

use serde_json::{Value, json};

use super::material::{MUSIC_FILE, Voice};
use super::story::{BEATS, DESCRIPTION, FILM_FPS, FILM_SIZE, SHOTS, Shot, TITLE};

/// Decibels: voices lead, the places murmur, the music carries.
const VOICE_GAIN: f64 = 3.0;
const PLACE_GAIN: f64 = -9.0;
const MUSIC_GAIN: f64 = -7.0;

pub fn write(voices: &[Voice]) -> Value {
    let (width, height) = FILM_SIZE;
    json!({
        "title": TITLE,
        "description": DESCRIPTION,
        "show": "BotFlix Demos",
        "season": 1,
        "episode": 1,
        "language": "en",
        "format": { "width": width, "height": height, "fps": FILM_FPS },
        "beats": BEATS.iter().map(|beat| json!({ "id": beat.id, "name": beat.name })).collect::<Vec<_>>(),
        "shots": SHOTS.iter().map(|shot| written(shot, voices)).collect::<Vec<_>>(),
        "tracks": tracks(voices),
    })
}

fn written(shot: &Shot, voices: &[Voice]) -> Value {
    let lines: Vec<Value> = voices
        .iter()
        .filter(|voice| voice.shot.id == shot.id)
        .map(|voice| {
            let end = (voice.line.start + voice.seconds).min(shot.length());
            json!({
                "speaker": voice.line.speaker.name(),
                "text": voice.line.text,
                "start": voice.line.start,
                "end": thousandths(end),
            })
        })
        .collect();
    json!({
        "id": shot.id,
        "beat": shot.beat,
        "source": { "file": shot.file_name() },
        "fit": shot.fit,
        "audio": { "gain": PLACE_GAIN },
        "dialogue": lines,
    })
}

fn tracks(voices: &[Voice]) -> Vec<Value> {
    let music = json!({ "id": "music", "kind": "music", "source": { "file": MUSIC_FILE }, "gain": MUSIC_GAIN });
    let voices = voices.iter().enumerate().map(|(at, voice)| {
        json!({
            "id": format!("voice-{}", at + 1),
            "kind": "narration",
            "source": { "file": voice.file },
            "start": thousandths(voice.start),
            "gain": VOICE_GAIN,
        })
    });
    std::iter::once(music).chain(voices).collect()
}

fn thousandths(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
