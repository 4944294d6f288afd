//! The sheet of small pictures that a player shows while one seeks, and the WebVTT that says which is when.

use std::fmt::Write;
use std::path::PathBuf;

use super::candidates::Tile;
use crate::vtt;

const COLUMNS: u32 = 10;
const TILE_WIDTH: u32 = 160;

/// What the sheet is called where it is published, beside its WebVTT.
const NAME: &str = "storyboard.jpg";

/// A JPEG of `rows` × `columns` tiles, filled row by row.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) file: PathBuf,
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) tile_width: u32,
    /// Even.
    pub(super) tile_height: u32,
}

impl Sheet {
    pub(super) fn new(file: PathBuf, tiles: u32, width: u32, height: u32) -> Self {
        let columns = tiles.clamp(1, COLUMNS);
        let half = f64::from(TILE_WIDTH) * f64::from(height) / f64::from(width.max(1)) / 2.0;
        Self {
            file,
            columns,
            rows: tiles.max(1).div_ceil(columns),
            tile_width: TILE_WIDTH,
            tile_height: 2 * (half.round() as u32).max(1),
        }
    }
}

/// Media fragments (`#xywh`, W3C Media Fragments URI) of the sheet.
pub(super) fn file(tiles: &[Tile], sheet: &Sheet) -> String {
    let mut text = String::from("WEBVTT\n");
    for (number, tile) in (0u32..).zip(tiles) {
        let x = number % sheet.columns * sheet.tile_width;
        let y = number / sheet.columns * sheet.tile_height;
        text.push('\n');
        vtt::push_span(
            &mut text,
            vtt::milliseconds(tile.start_seconds),
            vtt::milliseconds(tile.end_seconds),
        );
        // Writing to a String cannot fail.
        let written = writeln!(
            text,
            "{NAME}#xywh={x},{y},{},{}",
            sheet.tile_width, sheet.tile_height
        );
        debug_assert!(written.is_ok());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_fill_rows_of_ten_and_keep_the_films_shape() {
        let sheet = Sheet::new(PathBuf::new(), 13, 1080, 1920);
        assert_eq!((sheet.columns, sheet.rows, sheet.tile_height), (10, 2, 284));
        let tile = |number: u32| Tile {
            key: 0,
            start_seconds: f64::from(2 * number),
            end_seconds: f64::from(2 * number + 2),
        };
        let text = file(&(0..13).map(tile).collect::<Vec<_>>(), &sheet);
        assert!(
            text.contains("00:00:22.000 --> 00:00:24.000\nstoryboard.jpg#xywh=160,284,160,284\n")
        );
        assert_eq!(text.matches("-->").count(), 13);
    }
}
