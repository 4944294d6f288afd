//! Facts of clips without a flaw, to be spoiled by tests.

use botflix_common::facts::pictures::{PictureHash, Tone};
use botflix_common::facts::{
    AudioFacts, ClipFacts, Levels, PictureObservations, SoundObservations, VideoFacts,
};
use botflix_common::fixtures;
use botflix_common::hash::Sha;
use botflix_common::units::FrameRate;

pub fn sha(name: &str) -> Sha {
    Sha::of(name.as_bytes())
}

/// 6 s at 24 pictures a second, nothing wrong with it. `look` makes its pictures different from others'.
pub fn clean(look: u64) -> ClipFacts {
    let rate = FrameRate::new(24, 1).unwrap();
    let hash = |part: u64| PictureHash::new((look * 3 + part).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let tone = Tone {
        luma: 100.0 + look as f64,
        blue: 128.0,
        red: 128.0,
    };
    let mut facts = fixtures::clip(1280, 720, rate, 144);
    let pictures = video(&mut facts);
    pictures.colour.matrix = Some("bt709".to_owned());
    pictures.bit_rate_bps = Some(4_000_000);
    pictures.observed = Some(Box::new(PictureObservations {
        first: tone,
        last: tone,
        luma_low: 20.0,
        luma_high: 220.0,
        hashes: vec![hash(0), hash(1), hash(2)],
        motion: 3.0,
        detail: Some(1.0),
        ..PictureObservations::default()
    }));
    let sound = audio(&mut facts);
    sound.integrated_lufs = Some(-20.7);
    sound.true_peak_dbtp = Some(-6.0);
    sound.levels = Levels::from_energies([0.01; 60]);
    sound.observed = Some(Box::new(SoundObservations {
        channel_rms_dbfs: vec![-23.0, -23.0],
        correlation: Some(0.8),
        speech_share: 0.7,
        ..SoundObservations::default()
    }));
    facts
}

pub fn video(facts: &mut ClipFacts) -> &mut VideoFacts {
    facts.video.as_mut().unwrap()
}

pub fn seen(facts: &mut ClipFacts) -> &mut PictureObservations {
    video(facts).observed.as_mut().unwrap()
}

pub fn audio(facts: &mut ClipFacts) -> &mut AudioFacts {
    facts.audio.as_mut().unwrap()
}

pub fn heard(facts: &mut ClipFacts) -> &mut SoundObservations {
    audio(facts).observed.as_mut().unwrap()
}

pub fn loud(facts: &mut ClipFacts, energy: f64) {
    audio(facts).levels = Levels::from_energies([energy; 60]);
    audio(facts).integrated_lufs = Some(-0.691 + 10.0 * energy.log10());
}
