//! The API server: HTTP, database, farm control, catalog and web pages.
//!
//! - [`http`] and [`web`] take requests and give answers; [`error`] is the one table of status codes;
//! - [`farm`] decides what happens to renders and tasks; [`db`] holds all SQL;
//! - [`start`] puts them together. No ffmpeg and no child process is ever started here.

pub mod auth;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod farm;
pub mod http;
pub mod metrics;
pub mod openapi;
pub mod operator;
pub mod relay;
pub mod web;

pub use config::{ApiConfig, ForWorkers};
pub use http::server::{Server, StartError, start};
