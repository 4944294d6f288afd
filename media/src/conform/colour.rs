//! sRGB colours as the film's samples: BT.709, limited range, 8 bits.

use botflix_common::film::Rgb;

/// Luma, blue difference, red difference.
pub(super) type Yuv = [u8; 3];

const KR: f64 = 0.2126;
const KB: f64 = 0.0722;

pub(super) fn yuv(Rgb([red, green, blue]): Rgb) -> Yuv {
    let [red, green, blue] = [red, green, blue].map(|value| f64::from(value) / 255.0);
    let luma = KR * red + (1.0 - KR - KB) * green + KB * blue;
    let difference = |value: f64, k: f64| 128.0 + 224.0 * (value - luma) / (2.0 * (1.0 - k));
    [
        16.0 + 219.0 * luma,
        difference(blue, KB),
        difference(red, KR),
    ]
    .map(|value| value.round() as u8)
}

/// One 4:2:0 picture of one colour.
pub(super) fn flat(colour: Yuv, width: u32, height: u32) -> Vec<u8> {
    let [luma, blue, red] = colour;
    let pixels = width as usize * height as usize;
    let mut picture = vec![luma; pixels];
    picture.resize(pixels + pixels / 4, blue);
    picture.resize(pixels + pixels / 2, red);
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_colour_cube_are_where_bt709_has_them() {
        assert_eq!(yuv(Rgb([0, 0, 0])), [16, 128, 128]);
        assert_eq!(yuv(Rgb([255, 255, 255])), [235, 128, 128]);
        assert_eq!(yuv(Rgb([255, 0, 0])), [63, 102, 240]);
        assert_eq!(yuv(Rgb([0, 0, 255])), [32, 240, 118]);
        assert_eq!(flat([1, 2, 3], 4, 2), [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3]);
    }
}
