//! The K-weighting (BS.1770-4, annex 1) at any sample rate: a shelf for the head, then a high pass, both derived again from their analogue form
//! by the bilinear transform.

use std::f64::consts::PI;

/// Below this a filter's memory is as good as empty; keeping it would end in denormal numbers, which are slow.
const EMPTY: f64 = 1e-30;

/// One filter of second order; `a0` is 1.
#[derive(Clone, Copy)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    /// The head as a sphere: a high shelf. The constants give the coefficients that the recommendation prints for 48 kHz.
    fn shelf(sample_rate_hz: f64) -> Self {
        let (centre_hz, gain_db, q) = (
            1_681.974_450_955_533,
            3.999_843_853_973_347,
            0.707_175_236_955_419_6,
        );
        let k = (PI * centre_hz / sample_rate_hz).tan();
        let high = 10f64.powf(gain_db / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        Self {
            b: [
                (high + band * k / q + k * k) / a0,
                2.0 * (k * k - high) / a0,
                (high - band * k / q + k * k) / a0,
            ],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        }
    }

    /// The revised low-frequency B curve: a high pass.
    fn high_pass(sample_rate_hz: f64) -> Self {
        let (centre_hz, q) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
        let k = (PI * centre_hz / sample_rate_hz).tan();
        let a0 = 1.0 + k / q + k * k;
        Self {
            b: [1.0, -2.0, 1.0],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        }
    }

    /// Transposed direct form II.
    #[inline]
    fn pass<const CHANNELS: usize>(
        &self,
        state: &mut State<CHANNELS>,
        frame: [f64; CHANNELS],
    ) -> [f64; CHANNELS] {
        let [b0, b1, b2] = self.b;
        let [a1, a2] = self.a;
        let mut out = frame;
        let states = state.first.iter_mut().zip(&mut state.second);
        for (value, (first, second)) in out.iter_mut().zip(states) {
            let sample = *value;
            *value = b0 * sample + *first;
            *first = b1 * sample - a1 * *value + *second;
            *second = b2 * sample - a2 * *value;
        }
        out
    }
}

/// What one filter remembers.
#[derive(Clone, Copy)]
struct State<const CHANNELS: usize> {
    first: [f64; CHANNELS],
    second: [f64; CHANNELS],
}

impl<const CHANNELS: usize> State<CHANNELS> {
    const EMPTY: Self = Self {
        first: [0.0; CHANNELS],
        second: [0.0; CHANNELS],
    };

    fn settle(&mut self) {
        for value in self.first.iter_mut().chain(&mut self.second) {
            if value.abs() < EMPTY {
                *value = 0.0;
            }
        }
    }
}

/// The filters at one sample rate.
#[derive(Clone, Copy)]
pub(crate) struct Weighting {
    shelf: Section,
    high_pass: Section,
}

/// What the filters remember of channels that are weighted side by side.
#[derive(Clone, Copy)]
pub(crate) struct Memory<const CHANNELS: usize> {
    shelf: State<CHANNELS>,
    high_pass: State<CHANNELS>,
}

impl<const CHANNELS: usize> Memory<CHANNELS> {
    pub(crate) const EMPTY: Self = Self {
        shelf: State::EMPTY,
        high_pass: State::EMPTY,
    };

    /// To be called now and then, once for some thousands of frames: what has died away ends.
    pub(crate) fn settle(&mut self) {
        self.shelf.settle();
        self.high_pass.settle();
    }
}

impl Weighting {
    pub(crate) fn at(sample_rate_hz: u32) -> Self {
        let rate = f64::from(sample_rate_hz);
        Self {
            shelf: Section::shelf(rate),
            high_pass: Section::high_pass(rate),
        }
    }

    /// The next frame of a stream, weighted.
    #[inline]
    pub(crate) fn pass<const CHANNELS: usize>(
        &self,
        memory: &mut Memory<CHANNELS>,
        frame: [f64; CHANNELS],
    ) -> [f64; CHANNELS] {
        let frame = self.shelf.pass(&mut memory.shelf, frame);
        self.high_pass.pass(&mut memory.high_pass, frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_48_khz_the_filters_are_those_that_the_recommendation_prints() {
        let weighting = Weighting::at(48_000);
        for (ours, printed) in [
            (
                weighting.shelf,
                Section {
                    b: [
                        1.535_124_859_586_97,
                        -2.691_696_189_406_38,
                        1.198_392_810_852_85,
                    ],
                    a: [-1.690_659_293_182_41, 0.732_480_774_215_85],
                },
            ),
            (
                weighting.high_pass,
                Section {
                    b: [1.0, -2.0, 1.0],
                    a: [-1.990_047_454_833_98, 0.990_072_250_366_21],
                },
            ),
        ] {
            let pairs = ours
                .b
                .iter()
                .zip(&printed.b)
                .chain(ours.a.iter().zip(&printed.a));
            for (ours, printed) in pairs {
                assert!((ours - printed).abs() < 1e-12, "{ours} for {printed}");
            }
        }
    }

    #[test]
    fn silence_empties_the_memory() {
        let weighting = Weighting::at(48_000);
        let mut memory = Memory::EMPTY;
        weighting.pass(&mut memory, [1.0]);
        for _ in 0..48_000 {
            weighting.pass(&mut memory, [0.0]);
        }
        memory.settle();
        assert_eq!(weighting.pass(&mut memory, [0.0]), [0.0]);
    }
}
