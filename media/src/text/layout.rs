//! Words to lines of glyphs: shaping, direction, fallback between fonts, wrapping. Says which characters no font has.

use cosmic_text::{Align, Attrs, Buffer, Family, Metrics, PhysicalGlyph, Shaping, Weight, Wrap};

use super::fonts::Fonts;
use super::style::{Look, Side};

/// What is left of the width inside a title-safe area of 5 % on each side.
const SAFE_SHARE: f32 = 0.9;

/// Glyphs at pixel places, counted from the top left corner of the text.
pub(super) struct Lines {
    pub(super) glyphs: Vec<PhysicalGlyph>,
    pub(super) count: usize,
    pub(super) width_px: f32,
    pub(super) height_px: f32,
    pub(super) missing: Vec<char>,
}

pub(super) fn lines(fonts: &mut Fonts, text: &str, look: &Look, width: u32) -> Lines {
    let room = width as f32 * SAFE_SHARE - 2.0 * margin_px(look);
    let mut buffer = Buffer::new(&mut fonts.system, Metrics::new(look.font_px, look.line_px));
    buffer.set_wrap(Wrap::WordOrGlyph);
    buffer.set_size(Some(room.max(look.font_px)), None);
    let weight = if look.bold {
        Weight::BOLD
    } else {
        Weight::NORMAL
    };
    let attrs = Attrs::new()
        .family(Family::Name(fonts.family))
        .weight(weight);
    // By side, not by reading direction: the position says where the text stands.
    let align = match look.across {
        Side::Start => Align::Left,
        Side::Middle => Align::Center,
        Side::End => Align::Right,
    };
    buffer.set_text(text, &attrs, Shaping::Advanced, Some(align));
    buffer.shape_until_scroll(&mut fonts.system, false);
    placed(&buffer)
}

/// Room around the letters for the halo, or for the rim of the plate.
pub(super) fn margin_px(look: &Look) -> f32 {
    let rim = if look.plate.is_some() { 0.45 } else { 0.22 };
    (look.font_px * rim).ceil()
}

fn placed(buffer: &Buffer) -> Lines {
    let mut lines = Lines {
        glyphs: Vec::new(),
        count: 0,
        width_px: 0.0,
        height_px: 0.0,
        missing: Vec::new(),
    };
    // Aligned within the whole room: the text's own box begins at its leftmost line.
    let left = buffer
        .layout_runs()
        .flat_map(|run| run.glyphs.iter().map(|glyph| glyph.x))
        .fold(f32::INFINITY, f32::min);
    for run in buffer.layout_runs() {
        lines.count += 1;
        lines.height_px = lines.height_px.max(run.line_top + run.line_height);
        for glyph in run.glyphs {
            lines.width_px = lines.width_px.max(glyph.x + glyph.w - left);
            if glyph.glyph_id == 0 {
                note_missing(
                    run.text.get(glyph.start..glyph.end).unwrap_or_default(),
                    &mut lines.missing,
                );
            } else {
                lines.glyphs.push(glyph.physical((-left, run.line_y), 1.0));
            }
        }
    }
    lines
}

fn note_missing(cluster: &str, missing: &mut Vec<char>) {
    for char in cluster.chars() {
        if !char.is_whitespace() && !missing.contains(&char) {
            missing.push(char);
        }
    }
}
