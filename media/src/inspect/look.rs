//! How decoded pixels are to be looked at: orientation, colour, depth. Read from ffprobe's words.

use botflix_common::facts::Colour;

use super::stream::Stream;

/// Clockwise degrees, a multiple of 90, and whether it mirrors as well.
pub fn orientation(stream: &Stream) -> (u16, bool) {
    let matrix = stream.display_matrix.as_deref().and_then(matrix);
    let Some([a, b, c, d]) = matrix else {
        return (0, false);
    };
    let mirrored = a * d - b * c < 0.0;
    let clockwise = b.atan2(a).to_degrees().rem_euclid(360.0);
    let quarter_turns = (clockwise / 90.0).round() as u16 % 4;
    (quarter_turns * 90, mirrored)
}

/// The upper left 2 × 2 of ffprobe's dump: three lines `00000000:  a  b  u`.
fn matrix(dump: &str) -> Option<[f64; 4]> {
    let mut rows = dump
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(_, row)| {
            let mut numbers = row
                .split_whitespace()
                .map(|number| number.parse::<f64>().ok());
            Some((numbers.next()??, numbers.next()??))
        });
    let ((a, b), (c, d)) = (rows.next()??, rows.next()??);
    Some([a, b, c, d])
}

pub fn colour(stream: &Stream, pixel_format: &str) -> Colour {
    Colour {
        primaries: stream.primaries.clone(),
        transfer: stream.transfer.clone(),
        matrix: stream.matrix.clone(),
        full_range: stream.range.as_deref() == Some("pc") || pixel_format.starts_with("yuvj"),
    }
}

/// ffmpeg names carry the depth: `yuv420p10le`, `gray12be`, `p010le`.
pub fn bit_depth(pixel_format: &str) -> u8 {
    let name = pixel_format.trim_end_matches("le").trim_end_matches("be");
    if matches!(name, "p010" | "p210" | "p410") {
        return 10;
    }
    ["9", "10", "12", "14", "16"]
        .into_iter()
        .filter(|depth| {
            name.strip_suffix(depth)
                .is_some_and(|stem| stem.ends_with(['p', 'y']))
        })
        .find_map(|depth| depth.parse().ok())
        .unwrap_or(8)
}

pub fn has_alpha(pixel_format: &str, stream: &Stream) -> bool {
    let planes = [
        "yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv",
    ];
    // VP8 and VP9 in WebM keep it beside the pictures, where the decoders here do not look.
    planes.iter().any(|name| pixel_format.starts_with(name)) || stream.has_alpha_beside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(dump: &str) -> (u16, bool) {
        let mut stream = Stream::default();
        stream.side_data(&format!("displaymatrix={dump}"));
        orientation(&stream)
    }

    #[test]
    fn a_display_matrix_becomes_clockwise_degrees_and_a_mirror() {
        assert_eq!(
            turned("\\n00000000: 65536 0 0\\n00000001: 0 65536 0\\n00000002: 0 0 1073741824\\n"),
            (0, false)
        );
        assert_eq!(
            turned("\\n00000000: 0 65536 0\\n00000001: -65536 0 0\\n00000002: 0 0 1073741824\\n"),
            (90, false)
        );
        assert_eq!(
            turned("\\n00000000: -65536 0 0\\n00000001: 0 -65536 0\\n00000002: 0 0 1073741824\\n"),
            (180, false)
        );
        assert_eq!(
            turned("\\n00000000: -65536 0 0\\n00000001: 0 65536 0\\n00000002: 0 0 1073741824\\n"),
            (180, true)
        );
        assert_eq!(turned("nonsense"), (0, false));
    }

    #[test]
    fn depth_is_read_from_the_pixel_format() {
        let depths = [
            "yuv420p",
            "yuv420p10le",
            "yuv422p12be",
            "gray10le",
            "p010le",
            "yuv410p",
            "nv12",
        ]
        .map(bit_depth);
        assert_eq!(depths, [8, 10, 12, 10, 10, 8, 8]);
    }
}
