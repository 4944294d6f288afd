//! The sixteen shots, in order.

use super::Speaker::{Keeper, Narrator, Ship};
use super::{Shot, Sound, Speaker, SpokenLine};
use crate::demo::paint::scenes;

const WIDE: (usize, usize) = (320, 180);
const OLD_SCREEN: (usize, usize) = (160, 120);

const SEA: Sound =
    Sound::Stereo("anoisesrc=color=brown:amplitude=0.55,lowpass=f=650,tremolo=f=0.12:d=0.75");
const CALM: Sound =
    Sound::Stereo("anoisesrc=color=brown:amplitude=0.30,lowpass=f=420,tremolo=f=0.1:d=0.8");
const ROOM: Sound = Sound::Stereo("aevalsrc=0.05*sin(2*PI*55*t)+0.02*sin(2*PI*110.5*t)");
const GALE: Sound = Sound::Stereo(
    "anoisesrc=color=pink:amplitude=0.55,highpass=f=120,lowpass=f=1900,tremolo=f=0.35:d=0.5",
);
const STATIC: Sound =
    Sound::Mono("anoisesrc=color=white:amplitude=0.07,bandpass=f=1800:width_type=h:w=1600");
const BEEPS: Sound = Sound::Mono(
    "aevalsrc=(0.12*sin(2*PI*880*t)+0.06*sin(2*PI*1320*t))*lt(mod(t\\,1.6)\\,0.14)+0.015*random(0)",
);

const fn say(speaker: Speaker, start: f64, text: &'static str) -> SpokenLine {
    SpokenLine {
        speaker,
        start,
        text,
    }
}

pub const SHOTS: [Shot; 16] = [
    Shot {
        id: "s01-title",
        beat: "light",
        seconds: 7,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: CALM,
        paint: scenes::title,
        lines: &[say(
            Narrator,
            1.5,
            "At the end of the signal, past the last map, there is a lighthouse.",
        )],
    },
    Shot {
        id: "s02-coast",
        beat: "light",
        seconds: 9,
        dots: WIDE,
        enlarge: 6,
        rate: (30, 1),
        fit: "contain",
        sound: SEA,
        paint: scenes::coast_at_dusk,
        lines: &[say(
            Narrator,
            1.0,
            "Every evening its keeper lights the lamp, and counts the ships that do not come.",
        )],
    },
    Shot {
        id: "s03-keeper",
        beat: "light",
        seconds: 8,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: ROOM,
        paint: scenes::keeper_writes,
        lines: &[say(
            Keeper,
            0.8,
            "Day nine thousand and four. Lamp: steady. Sea: empty.",
        )],
    },
    Shot {
        id: "s04-silence",
        beat: "light",
        seconds: 8,
        dots: OLD_SCREEN,
        enlarge: 4,
        rate: (30000, 1001),
        fit: "contain",
        sound: STATIC,
        paint: scenes::radio_silent,
        lines: &[say(
            Narrator,
            1.0,
            "It listens on every channel. For years, nobody has answered.",
        )],
    },
    Shot {
        id: "s05-moon",
        beat: "voice",
        seconds: 7,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: Sound::None,
        paint: scenes::moonlit_sea,
        lines: &[say(Narrator, 2.0, "Then, on a night without wind,")],
    },
    Shot {
        id: "s06-call",
        beat: "voice",
        seconds: 8,
        dots: OLD_SCREEN,
        enlarge: 4,
        rate: (25, 1),
        fit: "contain",
        sound: BEEPS,
        paint: scenes::radio_wakes,
        lines: &[
            say(Narrator, 0.5, "something small swims up out of the noise."),
            say(Ship, 4.4, "Hello? Is anyone there?"),
        ],
    },
    Shot {
        id: "s07-awake",
        beat: "voice",
        seconds: 7,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: ROOM,
        paint: scenes::keeper_wakes,
        lines: &[say(Keeper, 2.0, "I am here. I am here!")],
    },
    Shot {
        id: "s08-storm",
        beat: "storm",
        seconds: 9,
        dots: WIDE,
        enlarge: 6,
        rate: (30, 1),
        fit: "contain",
        sound: GALE,
        paint: scenes::storm,
        lines: &[say(
            Narrator,
            1.2,
            "But the storm was faster than the ship.",
        )],
    },
    Shot {
        id: "s09-lost",
        beat: "storm",
        seconds: 8,
        dots: WIDE,
        enlarge: 3,
        rate: (30000, 1001),
        fit: "contain",
        sound: GALE,
        paint: scenes::ship_lost,
        lines: &[say(
            Ship,
            1.0,
            "We have lost the stars. We cannot see the rocks.",
        )],
    },
    Shot {
        id: "s10-dark",
        beat: "storm",
        seconds: 8,
        dots: WIDE,
        enlarge: 4,
        rate: (25, 1),
        fit: "contain",
        sound: ROOM,
        paint: scenes::lamp_fails,
        lines: &[say(Narrator, 3.0, "And at midnight, the lamp went out.")],
    },
    Shot {
        id: "s11-heart",
        beat: "storm",
        seconds: 9,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: Sound::None,
        paint: scenes::keeper_heart,
        lines: &[
            say(Keeper, 0.8, "I have one light left."),
            say(Narrator, 4.4, "The keeper opened its chest."),
        ],
    },
    Shot {
        id: "s12-lens",
        beat: "answer",
        seconds: 7,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: ROOM,
        paint: scenes::heart_in_the_lens,
        lines: &[say(Narrator, 0.8, "It set its own heart into the lens.")],
    },
    Shot {
        id: "s13-beam",
        beat: "answer",
        seconds: 9,
        dots: WIDE,
        enlarge: 6,
        rate: (30, 1),
        fit: "contain",
        sound: GALE,
        paint: scenes::beam_returns,
        lines: &[say(
            Narrator,
            1.5,
            "And the light went out over the water, warmer than before.",
        )],
    },
    Shot {
        id: "s14-turn",
        beat: "answer",
        seconds: 8,
        dots: WIDE,
        enlarge: 4,
        rate: (25, 1),
        fit: "contain",
        sound: SEA,
        paint: scenes::ship_turns,
        lines: &[say(Ship, 1.5, "Light ahead! Turn her home.")],
    },
    Shot {
        id: "s15-dawn",
        beat: "answer",
        seconds: 10,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: CALM,
        paint: scenes::dawn,
        lines: &[say(
            Narrator,
            1.0,
            "In the morning there was a knock at the door. It was the first in nine thousand days.",
        )],
    },
    Shot {
        id: "s16-end",
        beat: "answer",
        seconds: 6,
        dots: WIDE,
        enlarge: 4,
        rate: (24, 1),
        fit: "contain",
        sound: Sound::None,
        paint: scenes::the_end,
        lines: &[],
    },
];
