//! Whether a sound moves as speech does: syllables, three to eight in a second, with gaps between them. A rough measure, of the envelope alone.

use super::observe::STEPS_PER_SECOND;

/// Quieter seconds say nothing: −50 dBFS.
const MIN_RMS: f64 = 0.003;
/// Share of a second's steps that are under half of its mean: speech has gaps, steady music and noise have none (Lu and Zhang 2002, low
/// short-time energy ratio).
const MIN_GAP_SHARE: f64 = 0.15;
/// Rises over the mean in a second.
const SYLLABLES: std::ops::RangeInclusive<usize> = 2..=9;

#[derive(Default)]
pub struct SpeechSearch {
    second: Vec<f64>,
    speech: u64,
    seconds: u64,
}

impl SpeechSearch {
    /// The next step of 20 ms.
    pub fn step(&mut self, rms: f64) {
        self.second.push(rms);
        if self.second.len() == STEPS_PER_SECOND as usize {
            self.seconds += 1;
            self.speech += u64::from(is_speech(&self.second));
            self.second.clear();
        }
    }

    pub fn share(&self) -> f64 {
        self.speech as f64 / self.seconds.max(1) as f64
    }
}

fn is_speech(steps: &[f64]) -> bool {
    let mean = steps.iter().sum::<f64>() / steps.len().max(1) as f64;
    let gaps = steps.iter().filter(|rms| **rms < mean / 2.0).count();
    let smooth: Vec<bool> = steps
        .windows(3)
        .map(|three| three.iter().sum::<f64>() / 3.0 > mean)
        .collect();
    let rises = smooth
        .windows(2)
        .filter(|pair| matches!(pair, [false, true]))
        .count();
    mean > MIN_RMS
        && gaps as f64 >= MIN_GAP_SHARE * steps.len() as f64
        && SYLLABLES.contains(&rises)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(envelope: impl Fn(f64) -> f64) -> f64 {
        let mut search = SpeechSearch::default();
        (0..500).for_each(|step| search.step(envelope(f64::from(step) / 50.0)));
        search.share()
    }

    #[test]
    fn syllables_are_speech_and_a_steady_tone_is_not() {
        assert!(share(|t| 0.2 * (t * 4.5 * std::f64::consts::PI).sin().powi(4)) > 0.8);
        assert_eq!(share(|_| 0.2), 0.0);
        assert_eq!(share(|t| 0.2 + 0.02 * (t * 30.0).sin()), 0.0);
        assert_eq!(share(|_| 0.0), 0.0);
    }
}
