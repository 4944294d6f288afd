//! A window of a picture, drawn at another size: bicubic, with the filter widened where pixels shrink, at any fraction of a pixel. What keeps a
//! slow motion from shaking.

use super::motion::Window;

/// Across, samples are weighed this many at a time; weights are filled up with zeros.
const EIGHT: usize = 8;

/// Samples row by row, eight bits each.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Vec<u8>,
}

/// Output sample `i` looks at `first + i × step`, in source pixels whose middles lie at .5.
#[derive(Clone, Copy, Debug)]
struct Axis {
    first: f64,
    step: f64,
    count: usize,
}

/// Which source samples make each output sample. All outputs take the same number, so that inner loops are plain.
struct Taps {
    starts: Vec<usize>,
    weights: Vec<f32>,
    each: usize,
}

/// A whole picture in 4:4:4.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) planes: [Plane; 3],
}

impl Canvas {
    pub(super) fn size(&self) -> (f64, f64) {
        let [luma, ..] = &self.planes;
        (luma.width as f64, luma.height as f64)
    }

    /// `window` as one 4:2:0 picture. Chroma is sited as in MPEG-2 and H.264: on the left luma column, between two rows.
    pub(super) fn draw(&self, window: Window, width: u32, height: u32) -> Vec<u8> {
        let (wide, high) = (width as usize, height as usize);
        let [luma, blue, red] = &self.planes;
        let step = (window.width / wide as f64, window.height / high as f64);
        let across = Axis {
            first: window.left + step.0 / 2.0,
            step: step.0,
            count: wide,
        };
        let down = Axis {
            first: window.top + step.1 / 2.0,
            step: step.1,
            count: high,
        };
        let mut picture = Vec::with_capacity(wide * high * 3 / 2);
        resample(luma, across, down, &mut picture);
        let across = Axis {
            step: step.0 * 2.0,
            count: wide / 2,
            ..across
        };
        let down = Axis {
            first: window.top + step.1,
            step: step.1 * 2.0,
            count: high / 2,
        };
        resample(blue, across, down, &mut picture);
        resample(red, across, down, &mut picture);
        picture
    }
}

fn resample(plane: &Plane, across: Axis, down: Axis, out: &mut Vec<u8>) {
    let columns = taps(across, plane.width, EIGHT);
    let rows = taps(down, plane.height, 1);
    let from = columns.starts.iter().copied().min().unwrap_or(0);
    let to = columns
        .starts
        .iter()
        .map(|start| start + columns.each)
        .max()
        .unwrap_or(0);
    let mut line = vec![0.0; to - from];
    for (start, weights) in rows.starts.iter().zip(rows.weights.chunks(rows.each)) {
        line.fill(0.0);
        for (row, weight) in (*start..).zip(weights) {
            let row = plane
                .samples
                .get(row * plane.width + from..row * plane.width + to)
                .unwrap_or_default();
            add_row(&mut line, row, *weight);
        }
        weigh(&line, from, &columns, out);
    }
}

fn add_row(line: &mut [f32], row: &[u8], weight: f32) {
    for (sum, sample) in line.iter_mut().zip(row) {
        *sum += weight * f32::from(*sample);
    }
}

/// One output row. The order of the additions is fixed, so every machine makes the same picture.
fn weigh(line: &[f32], from: usize, columns: &Taps, out: &mut Vec<u8>) {
    if columns.each == EIGHT {
        let (weights, _) = columns.weights.as_chunks::<EIGHT>();
        out.extend(columns.starts.iter().zip(weights).map(|(start, weights)| {
            let values = line.get(start - from..).and_then(<[f32]>::first_chunk);
            rounded(values.map_or(0.0, |values| products(weights, values)))
        }));
        return;
    }
    let weights = columns.weights.chunks(columns.each);
    out.extend(columns.starts.iter().zip(weights).map(|(start, weights)| {
        let values = line.get(start - from..).unwrap_or_default();
        let (weights, rest) = weights.as_chunks();
        let (values, rest_values) = values.as_chunks();
        let mut sum = 0.0;
        for (weights, values) in weights.iter().zip(values) {
            sum += products(weights, values);
        }
        // Only a picture smaller than its taps leaves a rest, and then these are all of its samples.
        for (weight, value) in rest.iter().zip(rest_values) {
            sum += weight * value;
        }
        rounded(sum)
    }));
}

fn products(weights: &[f32; EIGHT], values: &[f32; EIGHT]) -> f32 {
    let [a, b, c, d, e, f, g, h] = weights;
    let [i, j, k, l, m, n, o, p] = values;
    ((a * i + e * m) + (b * j + f * n)) + ((c * k + g * o) + (d * l + h * p))
}

/// Out of range is cut, as `as` does.
fn rounded(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// Samples beyond the edge count as the one at the edge.
fn taps(axis: Axis, length: usize, multiple: usize) -> Taps {
    let widened = axis.step.max(1.0);
    let reach = 2.0 * widened;
    let each = ((2.0 * reach).ceil() as usize + 1)
        .next_multiple_of(multiple)
        .min(length);
    let last_start = (length - each) as f64;
    let mut taps = Taps {
        starts: Vec::with_capacity(axis.count),
        weights: Vec::with_capacity(axis.count * each),
        each,
    };
    let mut exact = vec![0.0; each];
    for number in 0..axis.count {
        let middle = axis.first + number as f64 * axis.step;
        let left = (middle - reach).floor();
        let start = left.clamp(0.0, last_start);
        exact.fill(0.0);
        let mut place = left;
        while place < middle + reach {
            let at = (place.clamp(0.0, length as f64 - 1.0) - start) as usize;
            if let Some(weight) = exact.get_mut(at.min(each - 1)) {
                *weight += bicubic((place + 0.5 - middle) / widened);
            }
            place += 1.0;
        }
        taps.starts.push(start as usize);
        let sum: f64 = exact.iter().sum();
        taps.weights
            .extend(exact.iter().map(|weight| (weight / sum) as f32));
    }
    taps
}

/// Catmull-Rom.
fn bicubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas(width: usize, height: usize, luma: impl Fn(f64, f64) -> f64) -> Canvas {
        let samples = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x as f64 + 0.5, y as f64 + 0.5)))
            .map(|(x, y)| luma(x, y).round() as u8)
            .collect();
        let grey = Plane {
            width,
            height,
            samples: vec![128; width * height],
        };
        Canvas {
            planes: [
                Plane {
                    width,
                    height,
                    samples,
                },
                grey.clone(),
                grey,
            ],
        }
    }

    fn window(left: f64, top: f64, width: f64, height: f64) -> Window {
        Window {
            left,
            top,
            width,
            height,
        }
    }

    #[test]
    fn a_flat_picture_stays_flat_and_the_whole_of_one_stays_itself() {
        let flat = canvas(64, 48, |_, _| 77.0);
        let drawn = flat.draw(window(3.3, 1.7, 40.1, 30.2), 32, 24);
        assert!(drawn[..32 * 24].iter().all(|luma| *luma == 77));
        assert!(drawn[32 * 24..].iter().all(|chroma| *chroma == 128));

        let ramp = canvas(64, 48, |x, y| x + 2.0 * y);
        let same = ramp.draw(window(0.0, 0.0, 64.0, 48.0), 64, 48);
        assert_eq!(same[..64 * 48], ramp.planes[0].samples);
    }

    /// The middle of a soft bright spot, to a fraction of a pixel.
    fn spot(luma: &[u8], width: usize) -> (f64, f64) {
        let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
        for (at, value) in luma.iter().enumerate() {
            let light = f64::from(value.saturating_sub(20));
            sum += light;
            x += light * ((at % width) as f64 + 0.5);
            y += light * ((at / width) as f64 + 0.5);
        }
        (x / sum, y / sum)
    }

    #[test]
    fn a_feature_moves_as_the_window_does_to_a_twentieth_of_a_pixel() {
        let spotted = canvas(400, 300, |x, y| {
            16.0 + 200.0 * (-((x - 200.0).powi(2) + (y - 150.0).powi(2)) / 60.0).exp()
        });
        for step in 0..60 {
            let zoom = 1.0 + f64::from(step) * 0.004;
            let (width, height) = (400.0 / zoom, 300.0 / zoom);
            let place = window(f64::from(step) * 0.037, 0.0, width, height);
            let drawn = spotted.draw(place, 200, 150);
            let (x, y) = spot(&drawn[..200 * 150], 200);
            let expected = (
                (200.0 - place.left) / width * 200.0,
                (150.0 - place.top) / height * 150.0,
            );
            assert!(
                (x - expected.0).abs() < 0.05 && (y - expected.1).abs() < 0.05,
                "step {step}: {x:.3}, {y:.3} for {expected:?}"
            );
        }
    }
}
