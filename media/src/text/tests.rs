//! Texts drawn with the fonts of this host: order, wrapping, missing glyphs, sameness.

use super::*;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

fn words(text: &str) -> Words<'_> {
    Words {
        id: "t1",
        text,
        position: TitlePosition::Center,
        style: TitleStyle::Body,
        colour: None,
        background: None,
        size: None,
    }
}

fn drawn(words: &Words<'_>) -> Drawn {
    draw(words, WIDTH, HEIGHT).unwrap().unwrap()
}

fn glyphs(text: &str) -> layout::Lines {
    let look = style::look(&words(text), HEIGHT);
    layout::lines(&mut Fonts::get().unwrap(), text, &look, WIDTH)
}

#[test]
fn a_text_is_the_same_pixels_every_time_and_inside_the_safe_area() {
    let positions = [
        TitlePosition::TopLeft,
        TitlePosition::Top,
        TitlePosition::TopRight,
        TitlePosition::Left,
        TitlePosition::Center,
        TitlePosition::Right,
        TitlePosition::BottomLeft,
        TitlePosition::Bottom,
        TitlePosition::BottomRight,
    ];
    let mut places = std::collections::BTreeSet::new();
    for position in positions {
        let words = Words {
            position,
            ..words("Somewhere")
        };
        let first = drawn(&words);
        assert_eq!(first, drawn(&words));
        assert!(first.x >= WIDTH / 20 - 1 && first.x + first.width <= WIDTH - WIDTH / 20);
        assert!(first.y >= HEIGHT / 20 && first.y + first.height <= HEIGHT - HEIGHT / 20);
        assert!(
            [first.x, first.y, first.width, first.height]
                .iter()
                .all(|number| number % 2 == 0)
        );
        places.insert((first.x, first.y));
    }
    assert_eq!(places.len(), 9);
}

#[test]
fn a_long_text_is_wrapped_and_one_that_cannot_fit_is_refused() {
    let short = glyphs("one");
    let long = glyphs(&"several words in a row ".repeat(6));
    assert!(short.count == 1 && long.count >= 3, "{}", long.count);
    assert!(long.width_px <= WIDTH as f32 * 0.9);
    let endless = "w".repeat(300);
    assert!(glyphs(&endless).width_px <= WIDTH as f32 * 0.9);

    let code = |text: &str, size| {
        let words = Words {
            size,
            ..words(text)
        };
        draw(&words, WIDTH, HEIGHT).unwrap_err().failure().code
    };
    assert_eq!(code(&"many words ".repeat(100), None), "text_too_large");
    assert_eq!(code("one\ntwo\nthree", Some(0.4)), "text_too_large");
    assert_eq!(code(&"word ".repeat(1_000), None), "text_too_long");
}

#[test]
fn arabic_and_hebrew_run_from_right_to_left_and_devanagari_is_joined() {
    // The first letter stands rightmost.
    for text in ["שלום", "سلام"] {
        let mut fonts = Fonts::get().unwrap();
        let mut buffer =
            cosmic_text::Buffer::new(&mut fonts.system, cosmic_text::Metrics::new(20.0, 25.0));
        let attrs = cosmic_text::Attrs::new();
        buffer.set_text(text, &attrs, cosmic_text::Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut fonts.system, false);
        let run = buffer.layout_runs().next().unwrap();
        assert!(run.rtl);
        let first = run.glyphs.iter().find(|glyph| glyph.start == 0).unwrap();
        let last = run
            .glyphs
            .iter()
            .find(|glyph| glyph.end == text.len())
            .unwrap();
        assert!(first.x > last.x, "{text}");
    }
    for text in ["مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया"]
    {
        assert!(glyphs(text).missing.is_empty(), "{text}");
        drawn(&words(text));
    }
    // क्ष is one glyph of two consonants and the sign that joins them.
    assert_eq!(glyphs("क्ष").glyphs.len(), 1);
}

#[test]
fn a_character_without_a_glyph_is_named_with_its_text() {
    let failure = draw(&words("fine \u{10FFF0} \u{E000}"), WIDTH, HEIGHT)
        .unwrap_err()
        .failure();
    assert_eq!(failure.code, "glyph_missing");
    assert_eq!(failure.who_can_fix, WhoCanFix::Director);
    assert!(
        failure.message.contains("\"t1\"")
            && failure.message.contains("U+10FFF0")
            && failure.message.contains("U+E000"),
        "{}",
        failure.message
    );
}

#[test]
fn a_text_of_nothing_is_no_picture_and_control_characters_are_not_drawn() {
    assert_eq!(draw(&words(" \n\t "), WIDTH, HEIGHT).unwrap(), None);
    assert_eq!(drawn(&words("a\u{0}b\r\nc\u{7}")), drawn(&words("ab\nc")));
    // A filter expression is letters like any others.
    drawn(&words("%{pts}:x='1',[in]\\"));
}

#[test]
fn letters_stand_out_from_a_white_and_from_a_black_picture() {
    for colour in [Rgb::WHITE, Rgb::BLACK] {
        let drawn = drawn(&Words {
            colour: Some(colour),
            ..words("Legible")
        });
        for picture in [0.0, 255.0] {
            let seen: Vec<f32> = drawn
                .rgba
                .chunks(4)
                .map(|pixel| {
                    let alpha = f32::from(pixel[3]) / 255.0;
                    f32::from(pixel[1]) * alpha + picture * (1.0 - alpha)
                })
                .collect();
            let (low, high) = seen.iter().fold((255.0f32, 0.0f32), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
            assert!(high - low > 150.0, "{colour} on {picture}: {low} to {high}");
        }
    }
}

#[test]
fn a_draft_of_any_size_is_marked() {
    for (width, height) in [
        (16, 16),
        (16, 160),
        (64, 36),
        (90, 160),
        (128, 72),
        (640, 360),
    ] {
        let mark = draw_draft_mark(width, height).unwrap();
        assert!(mark.x + mark.width <= width, "{width}x{height}");
        assert!(mark.y + mark.height <= height, "{width}x{height}");
        let seen = mark.rgba.chunks_exact(4).filter(|pixel| pixel[3] > 128);
        let share = seen.count() as f64 / f64::from(width * height);
        assert!((0.005..0.3).contains(&share), "{width}x{height}: {share}");
    }
}
