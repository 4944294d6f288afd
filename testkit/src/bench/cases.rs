//! What is measured: which films, made by whom, from which state.

use serde_json::Value;

use super::contestant::{Cache, Contestant};
use super::edit::{Edit, Shot};
use super::material::{Clip, sets};
use super::options::Scale;

/// Seconds of each still.
const STILL_SECONDS: u32 = 5;
/// Pictures that dissolving neighbours share: half a second.
const DISSOLVE_FRAMES: u32 = 12;

pub(super) struct Case {
    /// On the command line and in goals.
    pub name: &'static str,
    pub title: String,
    pub edit: Edit,
    pub contestants: Vec<Contestant>,
}

/// A cache that a case starts from: the manifests that are rendered into it, in order.
pub(super) struct Warmth {
    pub name: &'static str,
    pub manifests: Vec<Value>,
}

/// All files that the cases need.
pub(super) fn clips(scale: Scale) -> Vec<Clip> {
    let mut clips = sets::alike(scale.clips, scale.seconds);
    clips.extend(sets::odd(scale.clips + 1, scale.seconds));
    clips.extend(sets::stills(scale.clips));
    clips.push(sets::narration(scale.clips * STILL_SECONDS));
    clips
}

pub(super) fn cases(scale: Scale, quick: bool) -> Vec<Case> {
    let Scale { clips, seconds, .. } = scale;
    let alike = Edit {
        picture_for_picture: true,
        ..Edit::of(&sets::alike(clips, seconds))
    };
    let odd = Edit::of(&sets::odd(clips, seconds));
    let of = format!("{clips} clips of {seconds} s");
    let known = |warmed| Contestant::ours(Cache::Known { warmed });
    let mut cases = vec![
        Case {
            name: "compatible",
            title: format!("{of}, of one generator"),
            edit: alike.clone(),
            contestants: vec![
                known("compatible"),
                Contestant::ours(Cache::Cold),
                Contestant::ConcatFilter { preset: "medium" },
                Contestant::ConcatFilter { preset: "veryfast" },
                Contestant::ConcatCopy,
                Contestant::MoviePy,
                Contestant::Floor { pictures: false },
                Contestant::Floor { pictures: true },
            ],
        },
        Case {
            name: "large",
            title: format!(
                "the same clips {} times: {} shots",
                scale.repeats,
                clips as usize * scale.repeats
            ),
            edit: repeated(&alike, clips as usize * scale.repeats),
            contestants: vec![known("compatible")],
        },
        Case {
            name: "dissolves",
            title: format!("{of}, of one generator, each dissolving into the next"),
            edit: Edit {
                dissolve_frames: DISSOLVE_FRAMES,
                picture_for_picture: false,
                ..alike
            },
            contestants: vec![known("compatible")],
        },
        Case {
            name: "mixed",
            title: format!("{of} of eight sizes, rates and codecs, none the film's"),
            edit: odd.clone(),
            contestants: mixed(quick),
        },
        Case {
            name: "changed",
            title: format!("one of those {clips} replaced"),
            edit: replaced(&odd, scale),
            contestants: vec![Contestant::ours(Cache::Changed { warmed: "changed" })],
        },
        Case {
            name: "stills",
            title: format!("{clips} stills of {STILL_SECONDS} s with motion, and narration"),
            edit: stills(scale),
            contestants: vec![known("stills")],
        },
    ];
    for case in &mut cases {
        case.contestants.dedup();
    }
    cases
}

/// `None` for a name that no case has.
pub(super) fn warmth(name: &'static str, scale: Scale) -> Option<Warmth> {
    let cases = cases(scale, true);
    let edit = |case: &str| Some(&cases.iter().find(|one| one.name == case)?.edit);
    let manifests = match name {
        "compatible" | "mixed" | "stills" => vec![edit(name)?.glimpses()],
        "drafted" => vec![edit("mixed")?.draft_glimpses()],
        "changed" => vec![edit("mixed")?.manifest(), edit("changed")?.glimpses()],
        _ => return None,
    };
    Some(Warmth { name, manifests })
}

fn mixed(quick: bool) -> Vec<Contestant> {
    let cache = Cache::Known { warmed: "mixed" };
    let ours = Contestant::ours(cache.clone());
    let draft = |cache| Contestant::Ours {
        cache,
        workers: None,
        draft: true,
    };
    let drafted = draft(Cache::Known { warmed: DRAFTED });
    let whole = Contestant::ConcatFilter {
        preset: SAME_PRESET,
    };
    if quick {
        return vec![ours, whole, drafted];
    }
    let alone = Contestant::Ours {
        cache,
        workers: Some(1),
        draft: false,
    };
    let cold = Contestant::ours(Cache::Cold);
    vec![ours, cold, alone, drafted, draft(Cache::Cold), whole]
}

/// The cache of a director who has looked at a draft of these clips before: facts and proxies.
pub(super) const DRAFTED: &str = "drafted";

/// x264's preset for shots of standard quality (media/src/conform/encoder.rs): a whole encode with it is the same work as ours.
pub(super) const SAME_PRESET: &str = "veryfast";

/// Every clip again and again, each time in another order.
pub(super) fn repeated(edit: &Edit, shots: usize) -> Edit {
    let count = edit.shots.len();
    // Coprime strides visit every clip once a round.
    let strides = [1, 5, 7, 11, 13];
    let mut order = Vec::with_capacity(shots);
    let mut strides = strides.into_iter().cycle();
    while order.len() < shots && count > 0 {
        let stride = strides.next().unwrap_or(1);
        let offset = order.len() / count;
        order.extend((0..count).map(|at| (offset + at * stride) % count));
    }
    order.truncate(shots);
    Edit {
        shots: order
            .into_iter()
            .filter_map(|at| edit.shots.get(at).cloned())
            .collect(),
        ..edit.clone()
    }
}

fn replaced(odd: &Edit, scale: Scale) -> Edit {
    let mut edit = odd.clone();
    let another = sets::odd(scale.clips + 1, scale.seconds).pop();
    let middle = edit.shots.len() / 2;
    if let Some((shot, clip)) = edit.shots.get_mut(middle).zip(another) {
        shot.clip = clip;
    }
    edit
}

fn stills(scale: Scale) -> Edit {
    let shot = |clip| Shot {
        clip,
        still_seconds: f64::from(STILL_SECONDS),
    };
    Edit {
        shots: sets::stills(scale.clips).into_iter().map(shot).collect(),
        narration: Some(sets::narration(scale.clips * STILL_SECONDS)),
        ..Edit::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_film_has_every_clip_equally_often_and_no_clip_twice_in_a_row() {
        let edit = Edit::of(&sets::alike(24, 5));
        let large = repeated(&edit, 240);
        let numbers: Vec<u32> = large.shots.iter().map(|shot| shot.clip.number).collect();
        for number in 1..=24 {
            assert_eq!(numbers.iter().filter(|one| **one == number).count(), 10);
        }
        assert!(
            numbers.windows(2).all(|pair| pair[0] != pair[1]),
            "{numbers:?}"
        );
    }

    #[test]
    fn every_cache_that_a_case_starts_from_can_be_made() {
        let scale = Scale {
            clips: 8,
            seconds: 2,
            rounds: 1,
            repeats: 10,
            long_shots: 0,
        };
        for contestant in cases(scale, false)
            .into_iter()
            .flat_map(|case| case.contestants)
        {
            if let Contestant::Ours {
                cache: Cache::Known { warmed } | Cache::Changed { warmed },
                ..
            } = contestant
            {
                assert!(warmth(warmed, scale).is_some(), "{warmed}");
            }
        }
    }
}
