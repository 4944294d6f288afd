//! Turns music down while somebody speaks: a gate on the level of the speech opens a gain that moves evenly in decibels. Knows frames only.

use botflix_common::task::Duck;
use botflix_common::units::SAMPLE_RATE_HZ;

use super::Frame;
use super::loudness::amplitude;

/// Speech sounds when it is above this, dBFS RMS. Dialogue of any usable recording lies above −35 (EBU R 128 puts it near −23 LUFS), and the room
/// it was recorded in below −50.
const THRESHOLD_DBFS: f64 = -42.0;

/// Length over which that level is taken: two periods of the deepest voice (80 Hz), so that its waveform does not rattle the gate.
const WINDOW_FRAMES: usize = SAMPLE_RATE_HZ as usize / 40;

/// Speech is taken to go on for this long after it fell silent. Stops and the gaps between words last up to 0.25 s (a breath 0.4): the music does
/// not come up between words.
const HOLD_FRAMES: u32 = SAMPLE_RATE_HZ / 10 * 3;

/// Frames whose key is looked at together, 1.3 ms.
const STEP_FRAMES: usize = 64;

pub(super) struct Ducker {
    amount_db: f64,
    /// dB per frame.
    down: f64,
    up: f64,
    key: Key,
    gain_db: f64,
    /// The same as a factor.
    gain: f32,
}

impl Ducker {
    pub(super) fn new(duck: Duck) -> Self {
        let per_frame = |seconds: f64| duck.amount / (seconds * f64::from(SAMPLE_RATE_HZ)).max(1.0);
        Self {
            amount_db: duck.amount,
            down: per_frame(duck.attack),
            up: per_frame(duck.release),
            key: Key::new(),
            gain_db: 0.0,
            gain: 1.0,
        }
    }

    /// Scales `music` by what the speech of the same frames asks for.
    pub(super) fn apply(&mut self, speech: &[Frame], music: &mut [Frame]) {
        for (speech, music) in speech
            .chunks(STEP_FRAMES)
            .zip(music.chunks_mut(STEP_FRAMES))
        {
            let sounds = self.key.sounds(speech);
            for [left, right] in music {
                self.go_to(if sounds {
                    (self.gain_db - self.down).max(-self.amount_db)
                } else {
                    (self.gain_db + self.up).min(0.0)
                });
                *left *= self.gain;
                *right *= self.gain;
            }
        }
    }

    /// Mostly it stays where it is, and the power need not be taken.
    fn go_to(&mut self, gain_db: f64) {
        if gain_db != self.gain_db {
            self.gain_db = gain_db;
            self.gain = if gain_db == 0.0 {
                1.0
            } else {
                amplitude(gain_db) as f32
            };
        }
    }
}

/// Whether somebody speaks.
struct Key {
    /// Mean square, taken with one pole.
    power: f64,
    held_frames: u32,
}

impl Key {
    fn new() -> Self {
        Self {
            power: 0.0,
            held_frames: 0,
        }
    }

    fn sounds(&mut self, speech: &[Frame]) -> bool {
        let energy: f64 = speech
            .iter()
            .map(|[left, right]| f64::from(left.abs().max(right.abs())).powi(2))
            .sum();
        let frames = speech.len();
        let share = (frames as f64 / WINDOW_FRAMES as f64).min(1.0);
        self.power += share * (energy / frames.max(1) as f64 - self.power);
        if self.power > amplitude(THRESHOLD_DBFS).powi(2) {
            self.held_frames = HOLD_FRAMES;
        } else {
            self.held_frames = self.held_frames.saturating_sub(frames as u32);
        }
        self.held_frames > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Music at full scale under `speech`, after ducking, in pieces of any length.
    fn ducked(duck: Duck, speech: &[Frame], piece: usize) -> Vec<f32> {
        let mut music = vec![[1.0, 1.0]; speech.len()];
        let mut ducker = Ducker::new(duck);
        for (speech, music) in speech.chunks(piece).zip(music.chunks_mut(piece)) {
            ducker.apply(speech, music);
        }
        music.iter().map(|[left, _]| *left).collect()
    }

    /// A second of silence, a second of a voice with gaps of 0.2 s, two seconds of silence.
    fn speech() -> Vec<Frame> {
        (0..4 * 48_000u32)
            .map(|n| {
                let speaks = (48_000..96_000).contains(&n) && (n / 9600) % 2 == 1;
                let value = (f64::from(n) * 0.02).sin() * 0.1;
                if speaks {
                    [value as f32, 0.0]
                } else {
                    [0.0; 2]
                }
            })
            .collect()
    }

    #[test]
    fn music_goes_down_by_the_amount_stays_down_between_words_and_returns() {
        let duck = Duck {
            amount: 12.0,
            attack: 0.05,
            release: 0.4,
        };
        let music = ducked(duck, &speech(), 4096);
        let down = amplitude(-12.0) as f32;
        assert!(music[..48_000].iter().all(|gain| *gain == 1.0));
        assert!((music[52_000] - down).abs() < 1e-4, "{}", music[52_000]);
        let spoken = &music[52_000..100_000];
        assert!(spoken.iter().all(|gain| (gain - down).abs() < 1e-4));
        // The last word ends at 2 s; it fades from the window, then 0.3 s of hold and 0.4 s of release follow.
        assert_eq!(music[(2.85 * 48_000.0) as usize], 1.0);
        let steepest = music
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0f32, f32::max);
        assert!(steepest < 0.001, "{steepest}");
    }

    #[test]
    fn a_room_without_speech_does_not_duck() {
        let room = vec![[0.003, -0.003]; 48_000];
        let music = ducked(Duck::default(), &room, 4096);
        assert!(music.iter().all(|gain| *gain == 1.0));
    }

    #[test]
    fn no_time_to_go_down_and_come_back_is_a_step_and_not_a_division_by_zero() {
        let duck = Duck {
            amount: 20.0,
            attack: 0.0,
            release: 0.0,
        };
        let music = ducked(duck, &speech(), 4096);
        assert!(music.iter().all(|gain| gain.is_finite() && *gain > 0.09));
    }
}
