//! Titles and captions as pixels: words, a style and a place go in, a small picture with transparency and where it stands come out.
//!
//! Text is data. It is shaped and drawn in this process and never becomes part of a filter expression or of a command line. This room knows
//! nothing of time, of tasks, or of ffmpeg.

mod fonts;
mod layout;
mod paint;
mod style;
mod used;

use botflix_common::failure::WhoCanFix;
use botflix_common::film::{Rgb, TitlePosition, TitleStyle};

use crate::MediaError;
use fonts::Fonts;
pub(crate) use paint::Drawn;
pub use used::fonts_of;

/// Longer texts are not titles. A caption of two lines has 84.
const MAX_TEXT_CHARS: usize = 2_000;
/// How many characters without a glyph an error names.
const MAX_NAMED_CHARS: usize = 12;

/// The code of a text that does not fit into the picture.
const TOO_LARGE: &str = "text_too_large";

/// What is to be drawn. `size` is the height of a line as a share of the picture's height; `None` leaves it to the style, as with colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    /// By which an error names this text: the id of a title, or shot and line of a caption.
    pub(crate) id: &'a str,
    pub(crate) text: &'a str,
    pub(crate) position: TitlePosition,
    pub(crate) style: TitleStyle,
    pub(crate) colour: Option<Rgb>,
    pub(crate) background: Option<Rgb>,
    pub(crate) size: Option<f64>,
}

/// What marks a draft, in the picture itself.
pub(crate) const DRAFT_MARK: Words<'static> = Words {
    id: "draft",
    text: "DRAFT",
    position: TitlePosition::TopRight,
    style: TitleStyle::LowerThird,
    colour: None,
    background: Some(Rgb([150, 24, 24])),
    size: Some(0.07),
};

/// A picture of the words for a frame of `width` × `height`, inside its title-safe area. `None`: the text has nothing that is seen.
pub(crate) fn draw(
    words: &Words<'_>,
    width: u32,
    height: u32,
) -> Result<Option<Drawn>, MediaError> {
    let text = seen(words.text);
    if text.is_empty() {
        return Ok(None);
    }
    let chars = text.chars().count();
    if chars > MAX_TEXT_CHARS {
        return Err(director(
            "text_too_long",
            format!(
                "the text {:?} has {chars} characters; at most {MAX_TEXT_CHARS} can be shown at once",
                words.id
            ),
        ));
    }
    let look = style::look(words, height);
    let mut fonts = Fonts::get()?;
    let lines = layout::lines(&mut fonts, &text, &look, width);
    if !lines.missing.is_empty() {
        return Err(glyph_missing(words.id, &lines.missing));
    }
    let drawn = paint::paint(&mut fonts, &lines, &look, width, height);
    drawn.map(Some).ok_or_else(|| {
        director(
            TOO_LARGE,
            format!(
                "the text {:?} does not fit into the picture; make it shorter or its size smaller",
                words.id
            ),
        )
    })
}

/// [`DRAFT_MARK`] for a frame of any size: one that is too small for the word has a corner in the mark's colour.
pub(crate) fn draw_draft_mark(width: u32, height: u32) -> Result<Drawn, MediaError> {
    match draw(&DRAFT_MARK, width, height) {
        Ok(Some(word)) => Ok(word),
        Err(MediaError::Permanent {
            code: TOO_LARGE, ..
        })
        | Ok(None) => {
            let Rgb([red, green, blue]) = DRAFT_MARK.background.unwrap_or(Rgb::BLACK);
            Ok(paint::corner(width, height, [red, green, blue]))
        }
        Err(error) => Err(error),
    }
}

/// Control characters but line breaks mean nothing in a picture; line breaks are all made alike.
fn seen(text: &str) -> String {
    let text = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let text: String = text
        .chars()
        .map(|char| if char == '\t' { ' ' } else { char })
        .filter(|char| *char == '\n' || !char.is_control())
        .collect();
    text.trim_matches(|char: char| char.is_whitespace())
        .to_owned()
}

fn glyph_missing(id: &str, missing: &[char]) -> MediaError {
    let named: Vec<String> = missing
        .iter()
        .take(MAX_NAMED_CHARS)
        .map(|char| format!("{char} (U+{:04X})", u32::from(*char)))
        .collect();
    let more = match missing.len().saturating_sub(MAX_NAMED_CHARS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    director(
        "glyph_missing",
        format!(
            "no font here can show these characters of the text {id:?}: {}{more}",
            named.join(", ")
        ),
    )
}

fn director(code: &'static str, message: String) -> MediaError {
    MediaError::Permanent {
        code,
        message,
        who_can_fix: WhoCanFix::Director,
        internal: None,
    }
}

#[cfg(test)]
mod tests;
