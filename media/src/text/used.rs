//! Which fonts a segment's texts are drawn with, so that its record can say why another host drew differently. Lays out, draws nothing.

use std::collections::BTreeSet;

use botflix_common::film::{Quality, TitlePosition, TitleStyle};
use botflix_common::hash::Sha;
use botflix_common::task::{ConformSpec, Font};

use super::fonts::Fonts;
use super::{DRAFT_MARK, Words, layout, paint, seen, style};
use crate::mp4::work;
use crate::{Context, MediaError};

/// By name; empty when the segment has no text. Which font has a character does not depend on size, colour or place.
pub async fn fonts_of(ctx: &Context, spec: &ConformSpec) -> Result<Vec<Font>, MediaError> {
    let own = spec.overlays.iter();
    let mut texts: Vec<(String, TitleStyle)> = own
        .map(|overlay| (seen(&overlay.text), overlay.style))
        .filter(|(text, _)| !text.is_empty())
        .collect();
    let draft = spec.quality == Quality::Draft;
    if texts.is_empty() && !draft {
        return Ok(Vec::new());
    }
    let format = spec.format;
    work::run(ctx, "naming the fonts", move |_| {
        let mut fonts = Fonts::get()?;
        let mut used = BTreeSet::new();
        if draft && draft_mark_is_a_word(&mut fonts, format.width, format.height) {
            texts.push((DRAFT_MARK.text.to_owned(), DRAFT_MARK.style));
        }
        for (text, style) in &texts {
            used.extend(fonts_for(
                &mut fonts,
                text,
                *style,
                format.width,
                format.height,
            ));
        }
        Ok(used.into_iter().collect())
    })
    .await
}

/// A frame that is too small for it has a corner in its colour.
fn draft_mark_is_a_word(fonts: &mut Fonts, width: u32, height: u32) -> bool {
    let look = style::look(&DRAFT_MARK, height);
    let lines = layout::lines(fonts, DRAFT_MARK.text, &look, width);
    paint::size(&lines, &look, width, height).is_some()
}

fn fonts_for(
    fonts: &mut Fonts,
    text: &str,
    style: TitleStyle,
    width: u32,
    height: u32,
) -> BTreeSet<Font> {
    let words = Words {
        id: "",
        text,
        position: TitlePosition::Center,
        style,
        colour: None,
        background: None,
        size: None,
    };
    let look = style::look(&words, height);
    let lines = layout::lines(fonts, text, &look, width);
    let ids: BTreeSet<_> = lines
        .glyphs
        .iter()
        .map(|glyph| glyph.cache_key.font_id)
        .collect();
    ids.into_iter()
        .filter_map(|id| {
            if let Some(known) = fonts.named.get(&id) {
                return Some(known.clone());
            }
            let database = fonts.system.db();
            let font = Font {
                name: database.face(id)?.post_script_name.clone(),
                sha256: database.with_face_data(id, |bytes, _| Sha::of(bytes))?,
            };
            fonts.named.insert(id, font.clone());
            Some(font)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::draw;
    use super::*;

    fn names(text: &str, style: TitleStyle) -> Vec<String> {
        let used = fonts_for(&mut Fonts::get().unwrap(), text, style, 640, 360);
        used.into_iter().map(|font| font.name).collect()
    }

    #[test]
    fn a_text_names_the_faces_that_it_is_drawn_with_and_no_others() {
        let [plain] = names("Now.", TitleStyle::Body).try_into().unwrap();
        let [bold] = names("Now.", TitleStyle::Headline).try_into().unwrap();
        assert_ne!(plain, bold);
        assert!(bold.contains("Bold"), "{bold}");
        // A character that the main family lacks is asked of another.
        let mixed = names("Now \u{263a} \u{05d0}", TitleStyle::Body);
        assert!(mixed.contains(&plain) && mixed.len() > 1, "{mixed:?}");
    }

    #[test]
    fn a_draft_mark_is_a_word_where_it_is_drawn_as_one() {
        for (width, height) in [(16, 16), (16, 160), (64, 36), (90, 160), (640, 360)] {
            let drawn = draw(&DRAFT_MARK, width, height).is_ok();
            let named = draft_mark_is_a_word(&mut Fonts::get().unwrap(), width, height);
            assert_eq!(named, drawn, "{width}x{height}");
        }
        assert!(!draft_mark_is_a_word(&mut Fonts::get().unwrap(), 16, 16));
        assert!(draft_mark_is_a_word(&mut Fonts::get().unwrap(), 640, 360));
    }

    #[test]
    fn a_font_is_told_by_the_bytes_of_its_file() {
        let mut fonts = Fonts::get().unwrap();
        let first = fonts_for(&mut fonts, "Now.", TitleStyle::Body, 640, 360);
        let font = first.first().unwrap();
        let on_disk = fonts.system.db().faces().any(|face| {
            let same = fonts
                .system
                .db()
                .with_face_data(face.id, |bytes, _| Sha::of(bytes));
            face.post_script_name == font.name && same == Some(font.sha256)
        });
        assert!(on_disk);
        assert_eq!(
            fonts_for(&mut fonts, "Now.", TitleStyle::Body, 640, 360),
            first
        );
    }
}
