//! The music bed, reckoned sample by sample: slow chords, a bass, and plucked notes that climb through them.

use std::f32::consts::TAU;

pub const RATE_HZ: u32 = 44_100;
const CHORD_SECONDS: f32 = 8.0;
const PLUCK_SECONDS: f32 = 0.5;
/// Over which one chord gives way to the next.
const BLEND_SECONDS: f32 = 1.6;

/// Three notes in hertz, lowest first.
type Chord = [f32; 3];

const A_MINOR: Chord = [220.0, 261.63, 329.63];
const F_MAJOR: Chord = [174.61, 220.0, 261.63];
const C_MAJOR: Chord = [196.0, 261.63, 329.63];
const G_MAJOR: Chord = [196.0, 246.94, 293.66];
const D_MINOR: Chord = [174.61, 220.0, 293.66];
const E_MAJOR: Chord = [207.65, 246.94, 329.63];

const SONG: [Chord; 16] = [
    A_MINOR, F_MAJOR, C_MAJOR, G_MAJOR, A_MINOR, F_MAJOR, D_MINOR, E_MAJOR, D_MINOR, A_MINOR,
    D_MINOR, E_MAJOR, F_MAJOR, G_MAJOR, C_MAJOR, C_MAJOR,
];

/// Left and right at a time, each within −1 to 1.
pub fn sample(seconds: f32, total_seconds: f32) -> (f32, f32) {
    let at = (seconds / CHORD_SECONDS) as usize;
    let within = seconds - at as f32 * CHORD_SECONDS;
    let chord = SONG.get(at).or(SONG.last()).copied().unwrap_or(C_MAJOR);
    let before = SONG.get(at.wrapping_sub(1)).copied().unwrap_or(chord);
    let blend = (within / BLEND_SECONDS).min(1.0);
    let pad = |detune: f32| {
        blend * chord_tone(&chord, seconds, detune)
            + (1.0 - blend) * chord_tone(&before, seconds, detune)
    };
    let bass_hz = chord.first().map_or(110.0, |note| note / 2.0);
    let bass = 0.22 * (TAU * bass_hz * seconds).sin() * blend.max(0.3);
    let (pluck, place) = pluck(&chord, seconds);
    let edge = (seconds / 3.0)
        .min((total_seconds - seconds) / 4.0)
        .clamp(0.0, 1.0);
    let left = edge * (pad(0.997) + bass + pluck * (1.0 - place));
    let right = edge * (pad(1.003) + bass + pluck * place);
    (left * 0.6, right * 0.6)
}

fn chord_tone(chord: &Chord, seconds: f32, detune: f32) -> f32 {
    let tremolo = 0.8 + 0.2 * (TAU * 0.23 * seconds).sin();
    let tone = |note: &f32| {
        let phase = TAU * note * detune * seconds;
        phase.sin() + 0.35 * (2.0 * phase).sin() + 0.12 * (3.0 * phase).sin()
    };
    0.10 * tremolo * chord.iter().map(tone).sum::<f32>()
}

/// One note after the other, and where it stands between left (0) and right (1).
fn pluck(chord: &Chord, seconds: f32) -> (f32, f32) {
    let nth = (seconds / PLUCK_SECONDS) as usize;
    let since = seconds - nth as f32 * PLUCK_SECONDS;
    let octave = if nth % 8 < 5 { 2.0 } else { 4.0 };
    let note = chord.get(nth * 2 % 3).map_or(440.0, |note| note * octave);
    // Rests make the figure breathe.
    let played = if nth % 8 == 3 || nth % 8 == 7 {
        0.0
    } else {
        1.0
    };
    let strike = (since * 90.0).min(1.0) * (-since * 5.5).exp();
    let tone = (TAU * note * since).sin() + 0.3 * (TAU * note * 2.0 * since).sin();
    (
        0.16 * played * strike * tone,
        0.3 + 0.4 * (nth % 3) as f32 / 2.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bed_never_clips_and_starts_and_ends_in_silence() {
        let total = 120.0;
        let samples = (0..RATE_HZ * 120).step_by(7);
        let loudest = samples
            .map(|at| sample(at as f32 / RATE_HZ as f32, total))
            .map(|(left, right)| left.abs().max(right.abs()))
            .fold(0.0f32, f32::max);
        assert!((0.1..1.0).contains(&loudest), "{loudest}");
        assert_eq!(sample(0.0, total), (0.0, 0.0));
        assert!(sample(total, total).0.abs() < 1e-6);
    }
}
