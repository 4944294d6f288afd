//! Capital letters of three by five dots, for title cards and instrument labels: no font need be installed.

use super::canvas::{At, Canvas, Colour};

const LETTERS: [(char, [u8; 5]); 27] = [
    ('A', [0b010, 0b101, 0b111, 0b101, 0b101]),
    ('B', [0b110, 0b101, 0b110, 0b101, 0b110]),
    ('C', [0b011, 0b100, 0b100, 0b100, 0b011]),
    ('D', [0b110, 0b101, 0b101, 0b101, 0b110]),
    ('E', [0b111, 0b100, 0b110, 0b100, 0b111]),
    ('F', [0b111, 0b100, 0b110, 0b100, 0b100]),
    ('G', [0b011, 0b100, 0b101, 0b101, 0b011]),
    ('H', [0b101, 0b101, 0b111, 0b101, 0b101]),
    ('I', [0b111, 0b010, 0b010, 0b010, 0b111]),
    ('J', [0b001, 0b001, 0b001, 0b101, 0b010]),
    ('K', [0b101, 0b101, 0b110, 0b101, 0b101]),
    ('L', [0b100, 0b100, 0b100, 0b100, 0b111]),
    ('M', [0b101, 0b111, 0b111, 0b101, 0b101]),
    ('N', [0b110, 0b101, 0b101, 0b101, 0b101]),
    ('O', [0b010, 0b101, 0b101, 0b101, 0b010]),
    ('P', [0b110, 0b101, 0b110, 0b100, 0b100]),
    ('Q', [0b010, 0b101, 0b101, 0b110, 0b011]),
    ('R', [0b110, 0b101, 0b110, 0b101, 0b101]),
    ('S', [0b011, 0b100, 0b010, 0b001, 0b110]),
    ('T', [0b111, 0b010, 0b010, 0b010, 0b010]),
    ('U', [0b101, 0b101, 0b101, 0b101, 0b111]),
    ('V', [0b101, 0b101, 0b101, 0b101, 0b010]),
    ('W', [0b101, 0b101, 0b111, 0b111, 0b101]),
    ('X', [0b101, 0b101, 0b010, 0b101, 0b101]),
    ('Y', [0b101, 0b101, 0b010, 0b010, 0b010]),
    ('Z', [0b111, 0b001, 0b010, 0b100, 0b111]),
    ('.', [0b000, 0b000, 0b000, 0b000, 0b010]),
];

/// A line of text around `middle`; `dot` is the size of one dot in heights.
pub fn write(canvas: &mut Canvas, middle: At, dot: f32, text: &str, colour: Colour) {
    let width = text.chars().count() as f32 * 4.0 * dot - dot;
    let mut left = middle.0 - width / 2.0;
    let top = middle.1 - 2.5 * dot;
    for letter in text.chars() {
        let rows = LETTERS
            .iter()
            .find(|(known, _)| *known == letter)
            .map(|(_, rows)| rows);
        for (row, bits) in rows.into_iter().flatten().enumerate() {
            for column in 0..3 {
                if bits & (0b100 >> column) != 0 {
                    let from = At(left + column as f32 * dot, top + row as f32 * dot);
                    canvas.rect(from, At(from.0 + dot, from.1 + dot), colour);
                }
            }
        }
        left += 4.0 * dot;
    }
}
