//! A film to be made: which shots, how long each, and what must be in which picture. Written as a ShotManifest for ours; baselines read the shots.

use serde_json::{Value, json};

use super::counter::Mark;
use super::material::sets::{FPS, HEIGHT, WIDTH};
use super::material::{CLAP_SECONDS, Clip, Kind};

#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub clip: Clip,
    /// Of a still; a clip is shown whole.
    pub still_seconds: f64,
}

impl Shot {
    pub fn seconds(&self) -> f64 {
        match self.clip.kind {
            Kind::Still => self.still_seconds,
            _ => self.clip.seconds(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Edit {
    pub shots: Vec<Shot>,
    /// Pictures that two neighbours share.
    pub dissolve_frames: u32,
    pub narration: Option<Clip>,
    /// Every picture of every clip is a picture of the film, so that strips can be compared.
    pub picture_for_picture: bool,
}

impl Edit {
    pub fn of(clips: &[Clip]) -> Self {
        let whole = |clip: &Clip| Shot {
            clip: clip.clone(),
            still_seconds: 0.0,
        };
        Self {
            shots: clips.iter().map(whole).collect(),
            ..Self::default()
        }
    }

    /// First frame of every shot, and the film's length. Rounded from the running sum, so that no rounding adds up.
    pub fn starts(&self) -> Vec<u64> {
        let mut seconds = 0.0;
        let mut overlap = 0;
        let mut starts = vec![0];
        let last = self.shots.len();
        for (at, shot) in self.shots.iter().enumerate() {
            seconds += shot.seconds();
            if at + 1 < last {
                overlap += u64::from(self.dissolve_frames);
            }
            starts.push(((seconds * FPS.per_second()).round() as u64).saturating_sub(overlap));
        }
        starts
    }

    pub fn frames(&self) -> u64 {
        self.starts().last().copied().unwrap_or_default()
    }

    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / FPS.per_second()
    }

    /// What the strip of each picture must say.
    pub fn marks(&self) -> Option<Vec<Mark>> {
        self.picture_for_picture.then(|| {
            let of_shot = |shot: &Shot| {
                let clip = shot.clip.number;
                (0..shot.clip.frames).map(move |frame| Mark { clip, frame })
            };
            self.shots.iter().flat_map(of_shot).collect()
        })
    }

    /// When claps are heard: so many seconds after that picture is shown.
    pub fn claps(&self) -> Vec<(usize, f64)> {
        let shots = self.shots.iter().zip(self.starts());
        shots
            .filter(|(shot, _)| shot.clip.has_clap())
            .map(|(_, start)| (start as usize, CLAP_SECONDS))
            .collect()
    }

    pub fn manifest(&self) -> Value {
        let shots = self.shots.iter().enumerate();
        let shots: Vec<Value> = shots.map(|(at, shot)| self.shot(at, shot)).collect();
        document(shots, self.narration.as_ref(), WIDTH, HEIGHT)
    }

    /// A glimpse of every clip in a tiny picture: its render leaves the facts of each clip behind and nothing else that the film could use.
    pub fn glimpses(&self) -> Value {
        const SECONDS: f64 = 0.25;
        let mut seen = Vec::new();
        for shot in &self.shots {
            let name = shot.clip.name();
            if seen.iter().any(|(before, _)| *before == name) {
                continue;
            }
            let id = format!("s{:04}", seen.len() + 1);
            let mut value = json!({ "id": id, "source": source(&shot.clip) });
            if let Some(fields) = value.as_object_mut() {
                match shot.clip.kind {
                    Kind::Still => fields.insert("duration".to_owned(), json!(SECONDS)),
                    _ => fields.insert("trim".to_owned(), json!({ "start": 0, "end": SECONDS })),
                };
            }
            seen.push((name, value));
        }
        let shots = seen.into_iter().map(|(_, value)| value).collect();
        document(shots, self.narration.as_ref(), 64, 36)
    }

    /// The same as a draft: leaves their proxies behind as well. Large enough for the mark of drafts.
    pub fn draft_glimpses(&self) -> Value {
        let mut manifest = self.glimpses();
        if let Some(fields) = manifest.as_object_mut() {
            let format = json!({ "width": 320, "height": 180, "fps": FPS.0 });
            fields.insert("format".to_owned(), format);
            fields.insert("delivery".to_owned(), json!({ "preset": "draft" }));
        }
        manifest
    }

    fn shot(&self, at: usize, shot: &Shot) -> Value {
        let mut value = json!({
            "id": format!("s{:04}", at + 1),
            "source": source(&shot.clip),
            "fit": "contain",
        });
        let Some(fields) = value.as_object_mut() else {
            return value;
        };
        if matches!(shot.clip.kind, Kind::Still) {
            fields.insert("duration".to_owned(), json!(shot.still_seconds));
            let to = json!({ "x": 0.6, "y": 0.4, "zoom": 1.2 });
            fields.insert("motion".to_owned(), json!({ "to": to }));
        }
        if at > 0 && self.dissolve_frames > 0 {
            let duration = f64::from(self.dissolve_frames) / FPS.per_second();
            let dissolve = json!({ "kind": "dissolve", "duration": duration });
            fields.insert("transition".to_owned(), dissolve);
        }
        value
    }
}

fn source(clip: &Clip) -> Value {
    json!({ "file": clip.name() })
}

fn document(shots: Vec<Value>, narration: Option<&Clip>, width: u32, height: u32) -> Value {
    let track =
        |voice: &Clip| json!({ "id": "voice", "kind": "narration", "source": source(voice) });
    json!({
        "title": "Bench",
        "format": { "width": width, "height": height, "fps": FPS.0 },
        "shots": shots,
        "tracks": narration.map(track).into_iter().collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::material::sets;

    #[test]
    fn shots_that_dissolve_share_pictures_and_rounding_does_not_add_up() {
        let alike = Edit::of(&sets::alike(3, 5));
        assert_eq!(alike.starts(), [0, 120, 240, 360]);
        let dissolved = Edit {
            dissolve_frames: 12,
            ..alike
        };
        assert_eq!(dissolved.starts(), [0, 108, 216, 336]);
        let shots = sets::odd(24, 5);
        let seconds: f64 = shots.iter().map(Clip::seconds).sum();
        assert_eq!(Edit::of(&shots).frames(), (seconds * 24.0).round() as u64);
    }
}
