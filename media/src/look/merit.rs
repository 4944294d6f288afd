//! How much there is to see in a picture, and which pictures stand for a film. Pure.

use std::cmp::Ordering;

/// Pictures are judged at this size, in grey.
pub(super) const LOOK_WIDTH: usize = 160;
pub(super) const LOOK_HEIGHT: usize = 90;

/// A picture darker than this on average (of 255) is black to a viewer.
const LEAST_MEAN: f64 = 24.0;
/// A picture whose pixels differ less than this (of 255) is blank: one colour, or a fade.
const LEAST_DEVIATION: f64 = 8.0;

/// Greater is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Merit {
    /// Neither black nor blank.
    pub(super) shows_something: bool,
    /// Contrast, weighted by how sharp its edges are.
    interest: f64,
}

/// Of a grey picture of [`LOOK_WIDTH`] × [`LOOK_HEIGHT`].
pub(super) fn merit(pixels: &[u8]) -> Merit {
    let count = pixels.len().max(1) as f64;
    let mean = pixels.iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / count;
    let square = |pixel: &u8| (f64::from(*pixel) - mean).powi(2);
    let deviation = (pixels.iter().map(square).sum::<f64>() / count).sqrt();
    Merit {
        shows_something: mean >= LEAST_MEAN && deviation >= LEAST_DEVIATION,
        interest: deviation * (1.0 + edges(pixels)).ln(),
    }
}

/// Mean of the discrete Laplacian's magnitude: small where a picture is blurred.
fn edges(pixels: &[u8]) -> f64 {
    let rows: Vec<&[u8]> = pixels.chunks_exact(LOOK_WIDTH).collect();
    let (mut sum, mut count) = (0.0, 0u32);
    for three in rows.windows(3) {
        let [above, row, below] = three else { continue };
        let neighbours = above.iter().zip(*below).skip(1);
        for (beside, (up, down)) in row.windows(3).zip(neighbours) {
            let [left, here, right] = beside else {
                continue;
            };
            let around = [left, right, up, down].map(|pixel| f64::from(*pixel));
            sum += (4.0 * f64::from(*here) - around.iter().sum::<f64>()).abs();
            count += 1;
        }
    }
    sum / f64::from(count.max(1))
}

/// At most `wanted` of the frames, the best first. A frame near one that is chosen already is worth less.
pub(super) fn choose(looks: &[(u64, Merit)], wanted: usize) -> Vec<(u64, Merit)> {
    let frames = || looks.iter().map(|(frame, _)| *frame);
    let length = frames().max().unwrap_or(0) - frames().min().unwrap_or(0);
    let far = (length as f64 / wanted.max(1) as f64).max(1.0);
    let mut chosen: Vec<(u64, Merit)> = Vec::new();
    while chosen.len() < wanted {
        let worth = |(frame, merit): &(u64, Merit)| {
            let nearest = chosen.iter().map(|(other, _)| frame.abs_diff(*other)).min();
            let distance = nearest.map_or(1.0, |frames| (frames as f64 / far).min(1.0));
            Merit {
                interest: merit.interest * distance,
                ..*merit
            }
        };
        let best = looks
            .iter()
            .filter(|(frame, _)| chosen.iter().all(|(other, _)| other != frame))
            .max_by(|a, b| worth(a).partial_cmp(&worth(b)).unwrap_or(Ordering::Equal));
        let Some(best) = best else { break };
        chosen.push(*best);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixel: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..LOOK_HEIGHT)
            .flat_map(|y| (0..LOOK_WIDTH).map(move |x| (x, y)))
            .map(|(x, y)| pixel(x, y))
            .collect()
    }

    #[test]
    fn a_sharp_picture_beats_a_soft_one_and_both_beat_black_and_blank() {
        let sharp = merit(&picture(
            |x, y| if (x / 8 + y / 8) % 2 == 0 { 60 } else { 180 },
        ));
        let soft = merit(&picture(|x, _| 60 + (x * 120 / LOOK_WIDTH) as u8));
        let blank = merit(&picture(|_, _| 128));
        let black = merit(&picture(|x, y| ((x ^ y) % 20) as u8));
        assert!(sharp > soft && soft > blank && soft > black);
        assert!(!blank.shows_something && !black.shows_something);
    }

    #[test]
    fn the_best_comes_first_and_the_others_from_elsewhere_in_the_film() {
        let look = |frame, interest| {
            (
                frame,
                Merit {
                    shows_something: interest > 0.0,
                    interest,
                },
            )
        };
        let looks = [
            look(0, 5.0),
            look(10, 9.0),
            look(20, 8.0),
            look(600, 3.0),
            look(1200, 4.0),
        ];
        let frames = |looks: &[(u64, Merit)]| -> Vec<u64> {
            let chosen = choose(looks, 3);
            chosen.iter().map(|(frame, _)| *frame).collect()
        };
        assert_eq!(frames(&looks), [10, 1200, 600]);
        assert_eq!(
            frames(&looks[..2]),
            [10, 0],
            "near ones when there are no others"
        );
        assert_eq!(
            frames(&[look(7, 0.0)]),
            [7],
            "a blank one when there is nothing else"
        );
    }
}
