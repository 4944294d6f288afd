//! What only a whole picture shows: black bars to the pixel, codes outside of the range, and how much of its size its detail really uses.

use botflix_common::facts::PictureObservations;
use botflix_common::facts::pictures::Bars;

use super::super::spectrum::{Spectrum, WINDOW};

/// A line of a bar is not brighter than this in the mean, codes, and the picture begins with a step of this much.
const BAR_CODE: f64 = 20.0;
const BAR_STEP_CODES: f64 = 4.0;
/// Codes that limited range does not have, with room for the ringing of scalers and encoders.
const BELOW_RANGE: usize = 12;
const ABOVE_RANGE: usize = 243;
/// A thousandth of all samples.
const PERCENTILE: f64 = 0.001;
/// Lines and columns between two that are looked at for detail.
const LINE_STEP: usize = 24;
/// Pictures that are looked at for detail; later ones add nothing.
const MAX_SPECTRAL_PICTURES: u32 = 4;

#[derive(Default)]
pub struct Details {
    histogram: Vec<u64>,
    /// Of all pictures that are not black: the least on each side.
    bars: Option<Bars>,
    along: Spectrum,
    across: Spectrum,
    spectral: u32,
}

impl Details {
    pub fn picture(&mut self, luma: &[u8], width: usize) {
        if width == 0 || luma.len() < width || !luma.len().is_multiple_of(width) {
            return;
        }
        self.count(luma);
        self.bound(luma, width);
        if self.spectral < MAX_SPECTRAL_PICTURES {
            self.spectral += 1;
            self.look_closely(luma, width);
        }
    }

    fn count(&mut self, luma: &[u8]) {
        self.histogram.resize(256, 0);
        // A fourth of the samples says as much.
        for code in luma.iter().step_by(4) {
            if let Some(count) = self.histogram.get_mut(usize::from(*code)) {
                *count += 1;
            }
        }
    }

    fn bound(&mut self, luma: &[u8], width: usize) {
        let rows: Vec<f64> = luma
            .chunks_exact(width)
            .map(|row| mean(row.iter().step_by(4)))
            .collect();
        // Row by row, as they lie in memory.
        let mut sums = vec![0u64; width];
        for row in luma.chunks_exact(width).step_by(4) {
            for (sum, code) in sums.iter_mut().zip(row) {
                *sum += u64::from(*code);
            }
        }
        let looked_at = (luma.len() / width).div_ceil(4).max(1) as f64;
        let columns: Vec<f64> = sums.iter().map(|sum| *sum as f64 / looked_at).collect();
        let is_dark = |lines: &[f64]| lines.iter().all(|line| *line <= BAR_CODE + BAR_STEP_CODES);
        if is_dark(&rows) {
            return;
        }
        let side = |lines: &mut dyn Iterator<Item = &f64>| black_lines(lines);
        let found = Bars {
            left: side(&mut columns.iter()),
            right: side(&mut columns.iter().rev()),
            top: side(&mut rows.iter()),
            bottom: side(&mut rows.iter().rev()),
        };
        let known = *self.bars.get_or_insert(found);
        let least = Bars {
            left: known.left.min(found.left),
            right: known.right.min(found.right),
            top: known.top.min(found.top),
            bottom: known.bottom.min(found.bottom),
        };
        self.bars = Some(least);
    }

    fn look_closely(&mut self, luma: &[u8], width: usize) {
        let height = luma.len() / width;
        for row in luma
            .chunks_exact(width)
            .skip(LINE_STEP / 2)
            .step_by(LINE_STEP)
        {
            for window in row.chunks_exact(WINDOW) {
                self.along.add(window.iter().map(|code| f32::from(*code)));
            }
        }
        for x in (LINE_STEP / 2..width).step_by(LINE_STEP) {
            for top in (0..height.saturating_sub(WINDOW - 1)).step_by(WINDOW) {
                let column = luma.iter().skip(top * width + x).step_by(width);
                self.across
                    .add(column.take(WINDOW).map(|code| f32::from(*code)));
            }
        }
    }

    pub fn describe(&self, seen: &mut PictureObservations) {
        let total: u64 = self.histogram.iter().sum();
        if total == 0 {
            return;
        }
        let share = |counts: &[u64]| counts.iter().sum::<u64>() as f64 / total as f64;
        let outside = share(self.histogram.get(..BELOW_RANGE).unwrap_or_default())
            + share(self.histogram.get(ABOVE_RANGE + 1..).unwrap_or_default());
        seen.outside_range_share = outside;
        seen.luma_low = reach(self.histogram.iter().enumerate(), total);
        seen.luma_high = reach(self.histogram.iter().enumerate().rev(), total);
        seen.bars = self.bars.filter(|bars| *bars != Bars::default());
        seen.detail = self
            .along
            .reach()
            .into_iter()
            .chain(self.across.reach())
            .reduce(f64::max);
    }
}

/// How many lines from the edge are black, if the picture then begins with a step.
fn black_lines(lines: &mut dyn Iterator<Item = &f64>) -> u32 {
    let mut black = 0.0;
    for (count, line) in (0u32..).zip(lines) {
        if *line > BAR_CODE {
            return if line - black >= BAR_STEP_CODES {
                count
            } else {
                0
            };
        }
        black = *line;
    }
    0
}

fn reach<'a>(mut counts: impl Iterator<Item = (usize, &'a u64)>, total: u64) -> f64 {
    let mut passed = 0;
    counts
        .find(|(_, count)| {
            passed += **count;
            passed as f64 > total as f64 * PERCENTILE
        })
        .map_or(0.0, |(code, _)| code as f64)
}

fn mean<'a>(codes: impl Iterator<Item = &'a u8>) -> f64 {
    let (sum, count) = codes.fold((0u64, 0u64), |(sum, count), code| {
        (sum + u64::from(*code), count + 1)
    });
    sum as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_measured_to_the_pixel_and_a_dark_edge_is_none() {
        let (width, height) = (160, 90);
        let picture = |top: usize, slope: bool| -> Vec<u8> {
            (0..width * height)
                .map(|at| {
                    let y = at / width;
                    match (y < top || y >= height - top, slope) {
                        (true, _) => 16,
                        (false, true) => 18 + (y - top) as u8,
                        (false, false) => 90,
                    }
                })
                .collect()
        };
        let mut details = Details::default();
        details.picture(&picture(11, false), width);
        details.picture(&vec![16; width * height], width);
        let mut seen = PictureObservations::default();
        details.describe(&mut seen);
        let bars = Bars {
            top: 11,
            bottom: 11,
            ..Bars::default()
        };
        assert_eq!(seen.bars, Some(bars));

        let mut sloping = Details::default();
        sloping.picture(&picture(11, true), width);
        let mut seen = PictureObservations::default();
        sloping.describe(&mut seen);
        assert_eq!(seen.bars.unwrap_or_default().top, 0);
    }
}
