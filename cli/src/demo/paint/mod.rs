//! The pictures of the demo's story, painted dot by dot: nothing is downloaded, nothing is drawn by a model. Pure: a moment in, a picture out.

pub mod canvas;
mod inside;
mod letters;
mod nature;
mod places;
pub mod scenes;
