//! One file per command.

pub mod api;
pub mod check;
pub mod demo;
pub mod encoders;
pub mod fix;
pub mod housekeeping;
pub mod inspect;
pub mod log;
pub mod operator_token;
pub mod quarantine;
pub mod rebuild;
pub mod register;
pub mod render;
pub mod render_local;
pub mod retry;
pub mod status;
pub mod top;
pub mod up;
pub mod validate;
pub mod worker;
pub mod worker_token;
pub mod workers;
