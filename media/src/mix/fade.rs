//! How loud a placed sound is at each of its frames: gain, and fades at its ends. Pure.

use std::f64::consts::FRAC_PI_2;

use botflix_common::task::{Fade, FadeCurve};

use super::Frame;

/// The gain of a sound over its own length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) gain: f64,
    pub(super) fade_in: Fade,
    pub(super) fade_out: Fade,
    /// Frames from the first that is heard to the end.
    pub(super) frames: u64,
}

impl Shape {
    /// Scales frames, of which the first is number `from` of the sound.
    pub(super) fn apply(&self, from: u64, frames: &mut [Frame]) {
        let to = from + frames.len() as u64;
        let fading = from < self.fade_in.samples || to + self.fade_out.samples > self.frames;
        if fading {
            for (frame, at) in frames.iter_mut().zip(from..) {
                scale(frame, self.at(at) as f32);
            }
        } else {
            let gain = self.gain as f32;
            frames.iter_mut().for_each(|frame| scale(frame, gain));
        }
    }

    fn at(&self, frame: u64) -> f64 {
        // The middle of the frame: a fade in and the fade out of the same length mirror each other.
        let since_start = frame as f64 + 0.5;
        let until_end = self.frames.saturating_sub(frame) as f64 - 0.5;
        self.gain * level(self.fade_in, since_start) * level(self.fade_out, until_end)
    }
}

fn level(fade: Fade, distance: f64) -> f64 {
    let share = (distance / fade.samples as f64).clamp(0.0, 1.0);
    match fade.curve {
        _ if fade.is_none() => 1.0,
        FadeCurve::Linear => share,
        FadeCurve::EqualPower => (share * FRAC_PI_2).sin(),
    }
}

fn scale([left, right]: &mut Frame, gain: f32) {
    *left *= gain;
    *right *= gain;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(fade_in: Fade, fade_out: Fade) -> Shape {
        Shape {
            gain: 1.0,
            fade_in,
            fade_out,
            frames: 1000,
        }
    }

    fn levels(shape: &Shape) -> Vec<f32> {
        let mut frames = [[1.0, 1.0]; 1000];
        for (number, block) in frames.chunks_mut(77).enumerate() {
            shape.apply(number as u64 * 77, block);
        }
        frames.iter().map(|[left, _]| *left).collect()
    }

    #[test]
    fn a_fade_rises_from_silence_and_falls_to_it_and_leaves_the_middle_alone() {
        let levels = levels(&shape(Fade::linear(100), Fade::linear(200)));
        assert!(levels[0] < 0.006 && (levels[50] - 0.505).abs() < 1e-6);
        assert!(levels[100..800].iter().all(|level| *level == 1.0));
        assert!((levels[900] - 0.4975).abs() < 1e-6 && levels[999] < 0.003);
    }

    #[test]
    fn both_sides_of_a_dissolve_add_up_to_the_same_power_throughout() {
        let out = levels(&shape(Fade::default(), Fade::equal_power(300)));
        let into = levels(&shape(Fade::equal_power(300), Fade::default()));
        for at in 0..300 {
            let power = out[700 + at].powi(2) + into[at].powi(2);
            assert!((power - 1.0).abs() < 1e-5, "{at}: {power}");
        }
    }
}
