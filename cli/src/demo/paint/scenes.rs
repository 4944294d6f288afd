//! The sixteen scenes. Each paints the moment `seconds` into its shot.

use super::canvas::{At, Canvas, Colour, dim, mix, ramp};
use super::inside::{self, Mood};
use super::letters;
use super::nature::{self, DAWN, DUSK, Hour, NIGHT, STORM};
use super::places::{self, COLD, Lamp, WARM};

const CREAM: Colour = [0.94, 0.90, 0.80];

pub fn title(canvas: &mut Canvas, seconds: f32) {
    nature::sky(canvas, &NIGHT, 1.15, seconds);
    let fade = ramp(seconds, 0.6, 2.2);
    let line = |canvas: &mut Canvas, y: f32, dot: f32, text: &str, by: f32| {
        letters::write(canvas, At(0.0, y), dot, text, dim(CREAM, by));
    };
    line(canvas, 0.38, 0.024, "THE LIGHTHOUSE", fade);
    line(
        canvas,
        0.54,
        0.014,
        "AT THE END OF THE SIGNAL",
        ramp(seconds, 1.6, 3.2),
    );
    let pulse = (1.0 - (seconds * 0.5).fract()).powi(3);
    canvas.glow(At(0.0, 0.78), 0.20, WARM, 0.9 * pulse);
    canvas.disc(At(0.0, 0.78), 0.008, WARM);
}

fn coast(
    canvas: &mut Canvas,
    hour: &Hour,
    seconds: f32,
    rough: f32,
    light: f32,
    lamp: Lamp,
    rock: Colour,
) {
    const HORIZON: f32 = 0.66;
    nature::sky(canvas, hour, HORIZON, seconds);
    nature::sea(
        canvas,
        hour,
        HORIZON,
        seconds,
        rough,
        Some((0.30, dim(lamp.colour, lamp.power))),
    );
    places::rock(canvas, 0.30, 0.70, 0.34, rock);
    places::lighthouse(canvas, At(0.30, 0.72), 0.50, light, lamp);
}

pub fn coast_at_dusk(canvas: &mut Canvas, seconds: f32) {
    let lamp = Lamp {
        power: ramp(seconds, 2.0, 3.5),
        colour: COLD,
        turns: 0.05 + seconds * 0.11,
    };
    coast(canvas, &DUSK, seconds, 0.15, 0.7, lamp, [0.20, 0.13, 0.20]);
}

fn lamp_room(canvas: &mut Canvas, mood: Mood, shift: f32, size: f32) {
    inside::wall(canvas, mood.lit);
    inside::keeper(canvas, At(shift, 0.48), size, mood);
}

/// A blink now and then.
fn blink(seconds: f32) -> f32 {
    let since = (seconds % 3.4) - 3.1;
    if (0.0..0.16).contains(&since) {
        0.05
    } else {
        1.0
    }
}

pub fn keeper_writes(canvas: &mut Canvas, seconds: f32) {
    let sweep = (seconds * 0.7).sin().max(0.0);
    let mood = Mood {
        eye: 0.65 * blink(seconds),
        look: At(0.3 * (seconds * 0.5).sin(), 0.7),
        heart: 0.18 + 0.05 * (seconds * 2.2).sin(),
        lit: 0.25 + 0.35 * sweep,
    };
    lamp_room(canvas, mood, -0.08, 0.42);
}

pub fn radio_silent(canvas: &mut Canvas, seconds: f32) {
    let noise = |x: f32| 0.05 * (x * 61.0).sin() * (x * 23.0).sin();
    inside::radio(canvas, seconds, noise, "NO SIGNAL");
}

pub fn moonlit_sea(canvas: &mut Canvas, seconds: f32) {
    const HORIZON: f32 = 0.58;
    nature::sky(canvas, &NIGHT, HORIZON, seconds);
    nature::moon(canvas, At(-0.28, 0.22), 0.075);
    nature::sea(
        canvas,
        &NIGHT,
        HORIZON,
        seconds,
        0.08,
        Some((-0.28, [0.75, 0.80, 0.95])),
    );
}

pub fn radio_wakes(canvas: &mut Canvas, seconds: f32) {
    let strength = ramp(seconds, 1.0, 4.0);
    let voice = move |x: f32| {
        let noise = 0.05 * (x * 61.0).sin() * (x * 23.0).sin();
        noise + strength * (x * 14.0).sin() * (x * 2.3).sin().powi(2) * 0.9
    };
    let label = if seconds > 2.6 {
        "CHANNEL NINE"
    } else {
        "NO SIGNAL"
    };
    inside::radio(canvas, seconds, voice, label);
}

pub fn keeper_wakes(canvas: &mut Canvas, seconds: f32) {
    let awake = ramp(seconds, 0.6, 1.6);
    let mood = Mood {
        eye: (0.3 + 0.7 * awake) * blink(seconds + 1.0),
        look: At(0.8 - 0.8 * awake, 0.6 - 0.8 * awake),
        heart: 0.15 + 0.45 * awake * (0.8 + 0.2 * (seconds * 6.0).sin()),
        lit: 0.35 + 0.25 * awake,
    };
    lamp_room(canvas, mood, 0.06, 0.44 + 0.05 * awake);
}

fn gale(canvas: &mut Canvas, seconds: f32, lamp: Lamp, strike: f32) {
    coast(
        canvas,
        &STORM,
        seconds * 1.6,
        0.9,
        0.25,
        lamp,
        [0.07, 0.08, 0.10],
    );
    nature::lightning(canvas, -0.45, 0.66, nature::flash(seconds, strike));
    nature::rain(canvas, seconds, 1.0);
}

pub fn storm(canvas: &mut Canvas, seconds: f32) {
    let lamp = Lamp {
        power: 0.8,
        colour: COLD,
        turns: seconds * 0.13,
    };
    gale(canvas, seconds, lamp, 4.2);
}

fn swell(seconds: f32) -> f32 {
    (seconds * 1.3).sin() + 0.5 * (seconds * 2.1).sin()
}

pub fn ship_lost(canvas: &mut Canvas, seconds: f32) {
    const HORIZON: f32 = 0.52;
    nature::sky(canvas, &STORM, HORIZON, seconds);
    nature::sea(canvas, &STORM, HORIZON, seconds * 1.8, 1.0, None);
    let heave = swell(seconds);
    let lantern = 0.55 + 0.2 * (seconds * 9.0).sin();
    let at = At(-0.15 + 0.03 * seconds, 0.60 + 0.022 * heave);
    places::ship(
        canvas,
        at,
        0.20,
        0.22 * (seconds * 1.3).cos(),
        lantern,
        [0.24, 0.20, 0.20],
    );
    nature::lightning(canvas, 0.5, HORIZON, nature::flash(seconds, 5.4));
    nature::rain(canvas, seconds, 1.2);
}

pub fn lamp_fails(canvas: &mut Canvas, seconds: f32) {
    let dying = 1.0 - ramp(seconds, 1.0, 5.5);
    let stutter = if (seconds * 7.0).sin() * (seconds * 11.0).sin() > 0.35 {
        0.35
    } else {
        1.0
    };
    let power = dying * if seconds > 1.0 { stutter } else { 1.0 };
    inside::wall(canvas, 0.5 * power);
    inside::lamp(canvas, At(0.0, 0.47), 0.36, power, COLD);
}

pub fn keeper_heart(canvas: &mut Canvas, seconds: f32) {
    let heart = ramp(seconds, 2.0, 5.5);
    let mood = Mood {
        eye: (1.0 - 0.35 * ramp(seconds, 6.0, 8.5)) * blink(seconds),
        look: At(0.0, 0.9 * ramp(seconds, 1.2, 2.4)),
        heart: 0.12 + 1.0 * heart * (0.88 + 0.12 * (seconds * 5.0).sin()),
        lit: 0.05 + 0.7 * heart,
    };
    lamp_room(canvas, mood, 0.0, 0.43);
}

pub fn heart_in_the_lens(canvas: &mut Canvas, seconds: f32) {
    let rise = ramp(seconds, 0.5, 3.0);
    let power = ramp(seconds, 2.6, 5.5);
    inside::wall(canvas, 0.15 + 0.7 * power);
    inside::lamp(canvas, At(0.0, 0.44), 0.36, power, WARM);
    let heart = At(0.0, 1.05 - 0.61 * rise);
    canvas.glow(heart, 0.28, WARM, 1.2 * (1.0 - power));
    canvas.disc(heart, 0.030, mix(WARM, [1.0; 3], 0.5));
}

pub fn beam_returns(canvas: &mut Canvas, seconds: f32) {
    let lamp = Lamp {
        power: 1.5 * ramp(seconds, 0.4, 2.0),
        colour: WARM,
        turns: 0.20 + seconds * 0.09,
    };
    gale(canvas, seconds, lamp, 30.0);
}

pub fn ship_turns(canvas: &mut Canvas, seconds: f32) {
    const HORIZON: f32 = 0.55;
    nature::sky(canvas, &STORM, HORIZON, seconds);
    let sweep = 0.5 + 0.5 * (seconds * 1.1).sin();
    canvas.glow(At(0.62, 0.44), 0.5, WARM, 0.5 + 0.7 * sweep);
    canvas.beam(
        At(0.62, 0.44),
        std::f32::consts::PI - 0.06,
        0.07,
        WARM,
        0.9 * sweep,
    );
    nature::sea(
        canvas,
        &STORM,
        HORIZON,
        seconds * 1.4,
        0.6,
        Some((0.62, dim(WARM, 0.8))),
    );
    canvas.disc(At(0.62, 0.44), 0.014, [1.0, 0.97, 0.85]);
    let at = At(-0.42 + 0.055 * seconds, 0.63 + 0.012 * swell(seconds));
    places::ship(
        canvas,
        at,
        0.13,
        0.10 * (seconds * 1.3).cos(),
        0.9,
        [0.26, 0.20, 0.18],
    );
    nature::rain(canvas, seconds, 0.35);
}

pub fn dawn(canvas: &mut Canvas, seconds: f32) {
    const HORIZON: f32 = 0.66;
    nature::sky(canvas, &DAWN, HORIZON, seconds);
    let sun = At(-0.36, 0.70 - 0.014 * seconds);
    canvas.glow(sun, 0.75, [1.0, 0.72, 0.40], 0.55);
    canvas.disc(sun, 0.085, [1.0, 0.93, 0.74]);
    nature::sea(
        canvas,
        &DAWN,
        HORIZON,
        seconds * 0.8,
        0.05,
        Some((-0.36, [1.0, 0.80, 0.50])),
    );
    places::ship(
        canvas,
        At(-0.05, 0.72 + 0.003 * swell(seconds)),
        0.10,
        0.02,
        0.4,
        [0.22, 0.14, 0.14],
    );
    places::rock(canvas, 0.38, 0.70, 0.34, [0.30, 0.22, 0.22]);
    let lamp = Lamp {
        power: 0.45,
        colour: WARM,
        turns: 0.25,
    };
    places::lighthouse(canvas, At(0.38, 0.72), 0.50, 1.0, lamp);
}

pub fn the_end(canvas: &mut Canvas, seconds: f32) {
    nature::sky(canvas, &DAWN, 1.6, seconds);
    canvas.glow(At(0.0, 0.44), 0.9, WARM, 0.5);
    let ink: Colour = [0.16, 0.12, 0.22];
    letters::write(
        canvas,
        At(0.0, 0.42),
        0.020,
        "SIGNAL RECEIVED",
        mix(ink, WARM, 1.0 - ramp(seconds, 0.2, 1.4)),
    );
    letters::write(
        canvas,
        At(0.0, 0.60),
        0.010,
        "MADE ON THE SPOT BY BOTFLIX",
        mix(ink, WARM, 1.0 - ramp(seconds, 1.2, 2.4)),
    );
}
