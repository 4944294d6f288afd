//! One file per command.

pub mod api;
pub mod demo;
pub mod inspect;
pub mod register;
pub mod render;
mod render_local;
pub mod up;
pub mod validate;
pub mod worker;
