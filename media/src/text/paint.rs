//! Lines of glyphs to pixels: the plate, the halo that keeps letters readable on any picture, the letters.

use botflix_common::film::Rgb;
use cosmic_text::SwashContent;

use super::fonts::Fonts;
use super::layout::{Lines, margin_px};
use super::style::{Look, Side};

/// Title-safe area: this share of the frame is kept free on each side.
const SAFE_MARGIN_SHARE: f32 = 0.05;
/// How dark the halo gets, and how sharply it follows the letters.
const HALO_OPACITY: f32 = 0.8;
const HALO_GAIN: f32 = 2.2;
/// Reach of the halo as a share of the letters' size.
const HALO_REACH: f32 = 0.07;

/// Red, green, blue and alpha (straight, not premultiplied), row by row; its top left corner stands at `x`, `y` of the frame. All four numbers
/// are even, so that chroma of 4:2:0 is never shifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgba: Vec<u8>,
}

/// Width and height of the lines' picture. `None`: it does not fit.
pub(super) fn size(lines: &Lines, look: &Look, width: u32, height: u32) -> Option<(u32, u32)> {
    let margin = margin_px(look);
    let own_width = even(lines.width_px + 2.0 * margin);
    let own_height = even(lines.height_px + 2.0 * margin);
    let safe = |length: u32| length as f32 * (1.0 - 2.0 * SAFE_MARGIN_SHARE);
    // The halo's fringe may reach into the margin, but not out of a tiny frame.
    let too_wide = own_width as f32 > safe(width) + 2.0 * margin || own_width > width;
    if too_wide || own_height as f32 > safe(height) {
        return None;
    }
    Some((own_width, own_height))
}

/// `None`: it does not fit.
pub(super) fn paint(
    fonts: &mut Fonts,
    lines: &Lines,
    look: &Look,
    width: u32,
    height: u32,
) -> Option<Drawn> {
    let (own_width, own_height) = size(lines, look, width, height)?;
    let mut canvas = Canvas::new(own_width as usize, own_height as usize);
    canvas.letters(fonts, lines, margin_px(look), look.colour);
    Some(Drawn {
        x: place(look.across, own_width, width),
        y: place(look.down, own_height, height),
        width: own_width,
        height: own_height,
        rgba: canvas.flatten(look),
    })
}

/// A quarter of the shorter side, in the top right corner, opaque.
pub(super) fn corner(width: u32, height: u32, [red, green, blue]: [u8; 3]) -> Drawn {
    let side = (width.min(height) / 4).next_multiple_of(2).max(2);
    Drawn {
        x: width.saturating_sub(side) & !1,
        y: 0,
        width: side,
        height: side,
        rgba: [red, green, blue, u8::MAX].repeat((side * side) as usize),
    }
}

fn even(length: f32) -> u32 {
    (length.max(1.0).ceil() as u32).next_multiple_of(2)
}

fn place(side: Side, own: u32, whole: u32) -> u32 {
    let margin = (whole as f32 * SAFE_MARGIN_SHARE) as u32;
    let place = match side {
        Side::Start => margin,
        Side::Middle => whole.saturating_sub(own) / 2,
        Side::End => whole.saturating_sub(own + margin),
    };
    (place.min(whole.saturating_sub(own))) & !1
}

/// Colours of letters with their coverage apart, because the halo is made of the coverage alone.
struct Canvas {
    width: usize,
    height: usize,
    coverage: Vec<f32>,
    colours: Vec<[f32; 3]>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            coverage: vec![0.0; width * height],
            colours: vec![[0.0; 3]; width * height],
        }
    }

    fn letters(&mut self, fonts: &mut Fonts, lines: &Lines, margin: f32, colour: Rgb) {
        let margin = margin as i32;
        for glyph in &lines.glyphs {
            let Some(image) = fonts.glyphs.get_image(&mut fonts.system, glyph.cache_key) else {
                continue;
            };
            let (left, top) = (
                margin + glyph.x + image.placement.left,
                margin + glyph.y - image.placement.top,
            );
            let row_length = image.placement.width.max(1) as usize;
            let bytes = match image.content {
                SwashContent::Mask => 1,
                SwashContent::Color | SwashContent::SubpixelMask => 4,
            };
            for (row, y) in image.data.chunks(row_length * bytes).zip(top..) {
                for (pixel, x) in row.chunks(bytes).zip(left..) {
                    match pixel {
                        [alpha] => self.put(x, y, colour, *alpha),
                        [red, green, blue, alpha] => {
                            self.put(x, y, Rgb([*red, *green, *blue]), *alpha);
                        }
                        _cut => {}
                    }
                }
            }
        }
    }

    /// Over what is there.
    fn put(&mut self, x: i32, y: i32, Rgb(colour): Rgb, alpha: u8) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x >= self.width || alpha == 0 {
            return;
        }
        let at = y * self.width + x;
        let (Some(coverage), Some(there)) = (self.coverage.get_mut(at), self.colours.get_mut(at))
        else {
            return;
        };
        let alpha = f32::from(alpha) / 255.0;
        let kept = *coverage * (1.0 - alpha);
        let sum = kept + alpha;
        for (there, new) in there.iter_mut().zip(colour) {
            *there = (*there * kept + f32::from(new) * alpha) / sum;
        }
        *coverage = sum;
    }

    fn flatten(self, look: &Look) -> Vec<u8> {
        let halo = match look.plate {
            Some(_) => vec![0.0; self.coverage.len()],
            None => self.halo(look.font_px),
        };
        let plate = look.plate.unwrap_or((Rgb::BLACK, 0.0));
        let mut rgba = Vec::with_capacity(self.coverage.len() * 4);
        for ((coverage, colour), halo) in self.coverage.iter().zip(&self.colours).zip(halo) {
            let mut pixel = Pixel {
                colour: floats(plate.0),
                alpha: plate.1,
            };
            pixel.cover(floats(look.halo), halo);
            pixel.cover(*colour, *coverage);
            rgba.extend(pixel.colour.map(|value| value.round() as u8));
            rgba.push((pixel.alpha * 255.0).round() as u8);
        }
        rgba
    }

    /// Three box blurs are close to a Gaussian.
    fn halo(&self, font_px: f32) -> Vec<f32> {
        let reach = ((font_px * HALO_REACH).round() as usize).max(1);
        let mut soft = self.coverage.clone();
        for _ in 0..3 {
            soft = blurred_rows(&soft, self.width, reach);
            soft = transposed(&soft, self.width, self.height);
            soft = blurred_rows(&soft, self.height, reach);
            soft = transposed(&soft, self.height, self.width);
        }
        for value in &mut soft {
            *value = (*value * HALO_GAIN).min(1.0) * HALO_OPACITY;
        }
        soft
    }
}

struct Pixel {
    colour: [f32; 3],
    alpha: f32,
}

impl Pixel {
    fn cover(&mut self, colour: [f32; 3], alpha: f32) {
        let kept = self.alpha * (1.0 - alpha);
        let sum = kept + alpha;
        if sum > 0.0 {
            for (there, new) in self.colour.iter_mut().zip(colour) {
                *there = (*there * kept + new * alpha) / sum;
            }
        }
        self.alpha = sum;
    }
}

fn floats(Rgb(colour): Rgb) -> [f32; 3] {
    colour.map(f32::from)
}

/// Each row averaged over `reach` pixels on both sides; nothing lies beyond the edges.
fn blurred_rows(pixels: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let span = (2 * reach + 1) as f32;
    let mut blurred = Vec::with_capacity(pixels.len());
    for row in pixels.chunks(width) {
        let at = |x: usize| row.get(x).copied().unwrap_or(0.0);
        let mut sum: f32 = row.iter().take(reach).sum();
        for x in 0..row.len() {
            sum += at(x + reach);
            blurred.push((sum / span).max(0.0));
            if x >= reach {
                sum -= at(x - reach);
            }
        }
    }
    blurred
}

fn transposed(pixels: &[f32], width: usize, height: usize) -> Vec<f32> {
    (0..width)
        .flat_map(|x| (0..height).map(move |y| y * width + x))
        .map(|at| pixels.get(at).copied().unwrap_or(0.0))
        .collect()
}
