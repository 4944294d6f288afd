//! The farm against a real Redis, on SQLite and on Postgres: the same tests on both. What runs ffmpeg elsewhere is a script here that
//! reads the real queue and sends real reports.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod again;
mod attempts;
mod blame;
mod chances;
mod clips;
mod database;
mod encoders;
mod ends;
mod explain;
mod facts;
mod faults;
mod fences;
mod housekeeping;
mod leader;
mod metrics;
mod model;
mod quarantine;
mod renders;
mod rig;
mod script;
mod shares;
mod stopped;

/// Runs test bodies on both databases: each by itself on SQLite, and all of a file one after the other on one Postgres server, because
/// a server takes longer to start than any of them to run. Without Postgres on the machine that half is passed over, unless all must run.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::rig::Base::sqlite()).await;
            })*
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn all_of_it_holds_on_postgres_too() {
            let Some(server) = botflix_testkit::optional(botflix_testkit::Postgres::start()) else {
                return;
            };
            $(eprintln!("on Postgres: {}", stringify!($name));
            $name($crate::rig::Base::postgres(&server)).await;)*
        }
    };
}
