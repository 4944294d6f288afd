//! A small picture in memory and a few strokes to draw on it. Coordinates are in heights: y runs from 0 at the top to 1 at the bottom, x is 0
//! in the middle, so that a scene fits every shape of frame.

/// Red, green, blue, 0 to 1; more than 1 glows.
pub type Colour = [f32; 3];

pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pixels: Vec<Colour>,
}

/// A point in heights.
#[derive(Clone, Copy)]
pub struct At(pub f32, pub f32);

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![[0.0; 3]; width * height],
        }
    }

    /// Half the width, in heights.
    pub fn side(&self) -> f32 {
        self.width as f32 / self.height as f32 / 2.0
    }

    /// Every pixel anew: `paint` gets its place and what was there.
    pub fn wash(&mut self, paint: impl Fn(At, Colour) -> Colour) {
        self.region(At(-10.0, -10.0), At(10.0, 10.0), paint);
    }

    /// Every pixel between two corners.
    pub fn region(&mut self, from: At, to: At, paint: impl Fn(At, Colour) -> Colour) {
        let scale = self.height as f32;
        let middle = self.width as f32 / 2.0;
        let column = |x: f32| ((x * scale + middle).max(0.0) as usize).min(self.width);
        let row = |y: f32| ((y * scale).max(0.0) as usize).min(self.height);
        let (left, right) = (column(from.0), column(to.0 + 1.0 / scale));
        let (top, bottom) = (row(from.1), row(to.1 + 1.0 / scale));
        for y in top..bottom {
            let start = y * self.width;
            let Some(line) = self.pixels.get_mut(start + left..start + right.max(left)) else {
                continue;
            };
            for (offset, pixel) in line.iter_mut().enumerate() {
                let x = (left + offset) as f32 + 0.5;
                let at = At((x - middle) / scale, (y as f32 + 0.5) / scale);
                *pixel = paint(at, *pixel);
            }
        }
    }

    pub fn rect(&mut self, from: At, to: At, colour: Colour) {
        self.region(from, to, |at, was| {
            let inside = (from.0..to.0).contains(&at.0) && (from.1..to.1).contains(&at.1);
            if inside { colour } else { was }
        });
    }

    /// A tower's shape: a top edge and a bottom edge, each by its middle and half its width.
    pub fn taper(
        &mut self,
        top: At,
        top_half: f32,
        bottom: At,
        bottom_half: f32,
        colour: impl Fn(At) -> Colour,
    ) {
        let half = top_half.max(bottom_half);
        let from = At(top.0.min(bottom.0) - half, top.1);
        let to = At(top.0.max(bottom.0) + half, bottom.1);
        self.region(from, to, |at, was| {
            let down = (at.1 - top.1) / (bottom.1 - top.1);
            let middle = top.0 + (bottom.0 - top.0) * down;
            let reach = top_half + (bottom_half - top_half) * down;
            let inside = (0.0..=1.0).contains(&down) && (at.0 - middle).abs() <= reach;
            if inside { colour(at) } else { was }
        });
    }

    pub fn disc(&mut self, middle: At, radius: f32, colour: Colour) {
        self.around(middle, radius, |distance, was| {
            if distance <= radius { colour } else { was }
        });
    }

    pub fn ring(&mut self, middle: At, radius: f32, width: f32, colour: Colour) {
        self.around(middle, radius + width, |distance, was| {
            if (distance - radius).abs() <= width {
                colour
            } else {
                was
            }
        });
    }

    /// Light that falls off to nothing at `radius`.
    pub fn glow(&mut self, middle: At, radius: f32, colour: Colour, strength: f32) {
        self.around(middle, radius, |distance, was| {
            let near = (1.0 - distance / radius).max(0.0);
            add(was, colour, strength * near * near)
        });
    }

    /// A beam of light: from a point, in a direction (radians, 0 to the right), as wide as `spread` radians.
    pub fn beam(&mut self, from: At, direction: f32, spread: f32, colour: Colour, strength: f32) {
        let (sin, cos) = direction.sin_cos();
        self.wash(|at, was| {
            let (x, y) = (at.0 - from.0, at.1 - from.1);
            let (along, across) = (x * cos + y * sin, (y * cos - x * sin).abs());
            if along <= 0.0 {
                return was;
            }
            let edge = 1.0 - across / (along * spread + 0.006);
            if edge <= 0.0 {
                was
            } else {
                add(was, colour, strength * edge.min(0.6) / (0.6 + along))
            }
        });
    }

    fn around(&mut self, middle: At, reach: f32, paint: impl Fn(f32, Colour) -> Colour) {
        let from = At(middle.0 - reach, middle.1 - reach);
        let to = At(middle.0 + reach, middle.1 + reach);
        self.region(from, to, |at, was| {
            paint((at.0 - middle.0).hypot(at.1 - middle.1), was)
        });
    }

    /// 24-bit RGB, row by row, as `-f rawvideo -pix_fmt rgb24` reads it.
    pub fn write_rgb(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend(
            self.pixels
                .iter()
                .flatten()
                .map(|part| (part.clamp(0.0, 1.0) * 255.0) as u8),
        );
    }
}

pub fn add(was: Colour, light: Colour, strength: f32) -> Colour {
    let [r, g, b] = was;
    let [lr, lg, lb] = light;
    [r + lr * strength, g + lg * strength, b + lb * strength]
}

pub fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    let [ar, ag, ab] = a;
    let [br, bg, bb] = b;
    [
        ar + (br - ar) * share,
        ag + (bg - ag) * share,
        ab + (bb - ab) * share,
    ]
}

pub fn dim(colour: Colour, by: f32) -> Colour {
    let [r, g, b] = colour;
    [r * by, g * by, b * by]
}

/// 0 to 1, the same for the same numbers: chance that repeats.
pub fn chance(a: u32, b: u32) -> f32 {
    let mut h = a.wrapping_mul(0x9E37_79B9) ^ b.wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) & 0xFFFF) as f32 / 65_535.0
}

/// 0 before `from`, 1 after `to`, smooth between.
pub fn ramp(value: f32, from: f32, to: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}
