//! The K-weighting of ITU-R BS.1770-4 at 48 kHz: a shelf for the head, then a high pass. Both channels at once.

use super::Frame;

/// Below this a filter's memory is as good as empty; keeping it would end in denormal numbers, which are slow.
const EMPTY: f64 = 1e-30;

/// One second-order section; `a0` is 1.
struct Coefficients {
    b: [f64; 3],
    a: [f64; 2],
}

/// BS.1770-4, tables 1 and 2.
const HEAD: Coefficients = Coefficients {
    b: [
        1.535_124_859_586_97,
        -2.691_696_189_406_38,
        1.198_392_810_852_85,
    ],
    a: [-1.690_659_293_182_41, 0.732_480_774_215_85],
};
const HIGH_PASS: Coefficients = Coefficients {
    b: [1.0, -2.0, 1.0],
    a: [-1.990_047_454_833_98, 0.990_072_250_366_21],
};

#[derive(Clone, Copy)]
struct Section {
    first: [f64; 2],
    second: [f64; 2],
}

impl Section {
    const EMPTY: Self = Self {
        first: [0.0; 2],
        second: [0.0; 2],
    };

    /// Transposed direct form II.
    #[inline]
    fn pass(&mut self, with: &Coefficients, [left, right]: [f64; 2]) -> [f64; 2] {
        let [b0, b1, b2] = with.b;
        let [a1, a2] = with.a;
        let [first_left, first_right] = self.first;
        let [second_left, second_right] = self.second;
        let out = [b0 * left + first_left, b0 * right + first_right];
        let [out_left, out_right] = out;
        self.first = [
            b1 * left - a1 * out_left + second_left,
            b1 * right - a1 * out_right + second_right,
        ];
        self.second = [b2 * left - a2 * out_left, b2 * right - a2 * out_right];
        out
    }

    fn settle(&mut self) {
        for value in self.first.iter_mut().chain(&mut self.second) {
            if value.abs() < EMPTY {
                *value = 0.0;
            }
        }
    }
}

pub(super) struct Weighting {
    head: Section,
    high_pass: Section,
}

impl Weighting {
    pub(super) fn new() -> Self {
        Self {
            head: Section::EMPTY,
            high_pass: Section::EMPTY,
        }
    }

    /// The next frames of the stream: the sum of their squares after weighting, over both channels.
    pub(super) fn energy(&mut self, frames: &[Frame]) -> f64 {
        let (mut head, mut high_pass) = (self.head, self.high_pass);
        let mut sum = 0.0;
        for [left, right] in frames {
            let weighted = head.pass(&HEAD, [f64::from(*left), f64::from(*right)]);
            let [left, right] = high_pass.pass(&HIGH_PASS, weighted);
            sum += left * left + right * right;
        }
        head.settle();
        high_pass.settle();
        (self.head, self.high_pass) = (head, high_pass);
        sum
    }
}
