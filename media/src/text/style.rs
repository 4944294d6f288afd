//! The named styles: how large, how heavy, in which colours, on what. Sizes are shares of the picture's height, so a draft and a film look alike.

use botflix_common::film::{Rgb, TitlePosition, TitleStyle};

use super::Words;

/// A line is at least this high, or nobody can read it, and at most this share of the picture.
const MIN_LINE_PX: f32 = 10.0;
const MAX_LINE_SHARE: f64 = 0.5;
/// Height of a line over the size of its letters.
const LINE_OVER_FONT: f32 = 1.25;

/// Texts of at least this luma (0–1) get a dark halo, darker ones a light one.
const DARK_TEXT_LUMA: f32 = 0.4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Start,
    Middle,
    End,
}

/// A style resolved for one picture. Lengths in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) font_px: f32,
    pub(super) line_px: f32,
    pub(super) bold: bool,
    pub(super) colour: Rgb,
    pub(super) halo: Rgb,
    /// Colour and opacity of the box behind the text.
    pub(super) plate: Option<(Rgb, f32)>,
    pub(super) across: Side,
    pub(super) down: Side,
}

pub(super) fn look(words: &Words<'_>, height: u32) -> Look {
    let style = words.style;
    let share = words.size.unwrap_or(match style {
        TitleStyle::Headline => 0.13,
        TitleStyle::Body => 0.075,
        TitleStyle::LowerThird => 0.065,
        TitleStyle::Credits => 0.06,
        TitleStyle::Caption => 0.066,
    });
    let share = if share.is_finite() {
        share.clamp(0.0, MAX_LINE_SHARE)
    } else {
        MAX_LINE_SHARE
    };
    let line_px = ((f64::from(height) * share) as f32).max(MIN_LINE_PX);
    let colour = words.colour.unwrap_or(Rgb::WHITE);
    let plate_opacity = match style {
        TitleStyle::Caption => 0.6,
        TitleStyle::LowerThird => 0.8,
        TitleStyle::Headline | TitleStyle::Body | TitleStyle::Credits => 0.75,
    };
    let own_plate = match style {
        TitleStyle::Caption => Some(Rgb::BLACK),
        TitleStyle::LowerThird => Some(Rgb([16, 22, 32])),
        TitleStyle::Headline | TitleStyle::Body | TitleStyle::Credits => None,
    };
    // A dark plate under a dark text would hide it.
    let own_plate = own_plate.map(|plate| if is_dark(colour) { Rgb::WHITE } else { plate });
    let (across, down) = sides(words.position);
    Look {
        font_px: line_px / LINE_OVER_FONT,
        line_px,
        bold: matches!(style, TitleStyle::Headline | TitleStyle::LowerThird),
        colour,
        halo: if is_dark(colour) {
            Rgb::WHITE
        } else {
            Rgb::BLACK
        },
        plate: words
            .background
            .or(own_plate)
            .map(|plate| (plate, plate_opacity)),
        across,
        down,
    }
}

fn is_dark(Rgb([red, green, blue]): Rgb) -> bool {
    let luma = 0.2126 * f32::from(red) + 0.7152 * f32::from(green) + 0.0722 * f32::from(blue);
    luma / 255.0 < DARK_TEXT_LUMA
}

fn sides(position: TitlePosition) -> (Side, Side) {
    use Side::{End, Middle, Start};
    match position {
        TitlePosition::TopLeft => (Start, Start),
        TitlePosition::Top => (Middle, Start),
        TitlePosition::TopRight => (End, Start),
        TitlePosition::Left => (Start, Middle),
        TitlePosition::Center => (Middle, Middle),
        TitlePosition::Right => (End, Middle),
        TitlePosition::BottomLeft => (Start, End),
        TitlePosition::Bottom => (Middle, End),
        TitlePosition::BottomRight => (End, End),
    }
}
