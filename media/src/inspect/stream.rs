//! What a container says of one stream: a line of ffprobe's compact output. Claims, not measurements.

#[derive(Debug, Default)]
pub struct Stream {
    pub index: u32,
    kind: String,
    /// `None`: ffprobe knows no such codec.
    pub codec: Option<String>,
    pub profile: Option<String>,
    pub width: u32,
    pub height: u32,
    pub sample_aspect: Option<(u32, u32)>,
    pub pixel_format: Option<String>,
    pub range: Option<String>,
    pub matrix: Option<String>,
    pub transfer: Option<String>,
    pub primaries: Option<String>,
    pub field_order: Option<String>,
    /// ffprobe's two guesses, base rate first.
    pub rates: [Option<(u32, u32)>; 2],
    tick: Option<(u32, u32)>,
    pub claimed_seconds: Option<f64>,
    /// What the index of the container promises; absent in Matroska and in fragments.
    pub claimed_samples: Option<u64>,
    pub extradata_hash: Option<String>,
    /// A cover picture in a sound file, not a film.
    pub is_cover: bool,
    pub has_alpha_beside: bool,
    /// ffprobe's dump of three lines.
    pub display_matrix: Option<String>,
}

impl Stream {
    pub fn read(line: &str) -> Self {
        let mut stream = Self::default();
        for (name, value) in fields(line) {
            let text = || {
                (!matches!(value, "unknown" | "unspecified" | "reserved" | "N/A"))
                    .then(|| value.to_owned())
            };
            match name {
                "index" => stream.index = value.parse().unwrap_or(u32::MAX),
                "codec_type" => stream.kind = value.to_owned(),
                "codec_name" => stream.codec = text(),
                "profile" => stream.profile = text(),
                "width" => stream.width = value.parse().unwrap_or(0),
                "height" => stream.height = value.parse().unwrap_or(0),
                "sample_aspect_ratio" => stream.sample_aspect = ratio(value, ':'),
                "pix_fmt" => stream.pixel_format = text(),
                "color_range" => stream.range = text(),
                "color_space" => stream.matrix = text(),
                "color_transfer" => stream.transfer = text(),
                "color_primaries" => stream.primaries = text(),
                "field_order" => stream.field_order = text(),
                "r_frame_rate" => stream.rates[0] = ratio(value, '/'),
                "avg_frame_rate" => stream.rates[1] = ratio(value, '/'),
                "time_base" => stream.tick = ratio(value, '/'),
                "duration" => stream.claimed_seconds = seconds(value),
                "nb_frames" => stream.claimed_samples = value.parse().ok(),
                "extradata_hash" => {
                    stream.extradata_hash = value.strip_prefix("SHA256:").map(str::to_owned)
                }
                "disposition:attached_pic" => stream.is_cover = value == "1",
                "tag:alpha_mode" => stream.has_alpha_beside = value == "1",
                _ => {}
            }
        }
        stream
    }

    pub fn side_data(&mut self, line: &str) {
        if let Some((_, dump)) = fields(line).find(|(name, _)| *name == "displaymatrix") {
            self.display_matrix = Some(dump.replace("\\n", "\n"));
        }
    }

    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// Seconds per tick, as a fraction.
    pub fn tick(&self) -> (u32, u32) {
        self.tick.unwrap_or((1, 1000))
    }

    pub fn tick_seconds(&self) -> f64 {
        let (num, den) = self.tick();
        f64::from(num) / f64::from(den)
    }
}

/// `name=value` between bars. Bars inside of values are escaped by ffprobe; such values (titles) are never asked for.
pub fn fields(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('|').filter_map(|field| field.split_once('='))
}

pub fn seconds(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

/// `a/b` or `a:b`, both positive.
fn ratio(text: &str, separator: char) -> Option<(u32, u32)> {
    let (a, b) = text.split_once(separator)?;
    let (a, b) = (a.parse().ok()?, b.parse().ok()?);
    (a > 0 && b > 0).then_some((a, b))
}
