//! What the farm's database says, read from outside and never written: the truth that chaos is judged by.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Row};

/// Longest wait for one answer: the database itself may be hurt.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Ledger {
    pool: AnyPool,
    url: String,
}

/// A render as the database has it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub id: String,
    pub state: String,
    pub problem: Option<String>,
    pub publications: i64,
    pub events: i64,
    pub last_event: i64,
}

/// A row of `tasks` that may be in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    pub task: String,
    pub kind: String,
    pub state: String,
    pub attempt: i64,
    pub worker: Option<String>,
}

impl Ledger {
    /// Connects when it is first asked.
    pub fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(3)
            .acquire_timeout(PATIENCE)
            .idle_timeout(PATIENCE)
            .connect_lazy(url)?;
        Ok(Self {
            pool,
            url: url.to_owned(),
        })
    }

    async fn rows(&self, sql: &'static str) -> Result<Vec<AnyRow>> {
        let asked = tokio::time::timeout(PATIENCE, sqlx::query(sql).fetch_all(&self.pool));
        Ok(asked.await.context("the database does not answer")??)
    }

    pub async fn count(&self, sql: &'static str) -> Result<i64> {
        let rows = self.rows(sql).await?;
        Ok(rows.first().context("a count")?.try_get(0)?)
    }

    /// The first column of all rows.
    pub async fn words(&self, sql: &'static str) -> Result<Vec<String>> {
        let rows = self.rows(sql).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// A name and a number of each row.
    pub async fn tally(&self, sql: &'static str) -> Result<BTreeMap<String, i64>> {
        let rows = self.rows(sql).await?;
        let pair = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(pair).collect()
    }

    pub async fn in_flight(&self) -> Result<Vec<InFlight>> {
        let rows = self
            .rows(
                "SELECT task_key, kind, state, attempt, worker FROM tasks
                 WHERE state IN ('queued', 'running') ORDER BY task_key",
            )
            .await?;
        let read = |row: &AnyRow| {
            Ok(InFlight {
                task: row.try_get(0)?,
                kind: row.try_get(1)?,
                state: row.try_get(2)?,
                attempt: row.try_get(3)?,
                worker: row.try_get(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Tasks in flight but those of directors who send what kills ffmpeg.
    pub async fn of_good_clips(&self) -> Result<Vec<String>> {
        self.words(
            "SELECT t.task_key FROM tasks t JOIN directors d ON d.id = t.director_id
             WHERE t.state IN ('queued', 'running') AND d.name <> 'poisoner'",
        )
        .await
    }

    /// Tasks that have not ended, by key.
    pub async fn unfinished(&self) -> Result<Vec<String>> {
        self.words("SELECT task_key FROM tasks WHERE state NOT IN ('done', 'failed', 'canceled')")
            .await
    }

    pub async fn renders(&self) -> Result<Vec<Kept>> {
        let rows = self
            .rows(
                "SELECT r.id, r.state, r.problem,
                    (SELECT COUNT(*) FROM episodes e WHERE e.render_id = r.id),
                    (SELECT COUNT(*) FROM render_events v WHERE v.render_id = r.id),
                    r.event_seq
                 FROM renders r ORDER BY r.id",
            )
            .await?;
        let read = |row: &AnyRow| {
            Ok(Kept {
                id: row.try_get(0)?,
                state: row.try_get(1)?,
                problem: row.try_get(2)?,
                publications: row.try_get(3)?,
                events: row.try_get(4)?,
                last_event: row.try_get(5)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Where each render entered `published`, one row for each time.
    pub async fn publications(&self) -> Result<BTreeMap<String, i64>> {
        self.tally(
            "SELECT render_id, COUNT(*) FROM render_events
             WHERE body LIKE '%\"kind\":\"state\"%' AND body LIKE '%\"state\":\"published\"%' GROUP BY render_id",
        )
        .await
    }
}

/// What keeps everybody else from writing.
pub struct Locked(sqlx::AnyConnection);

impl Locked {
    pub async fn let_in(mut self) -> Result<()> {
        sqlx::query("ROLLBACK").execute(&mut self.0).await?;
        Ok(())
    }
}

impl Ledger {
    async fn connection(&self) -> Result<sqlx::AnyConnection> {
        Ok(<sqlx::AnyConnection as sqlx::Connection>::connect(&self.url).await?)
    }

    /// SQLite's write lock, held from outside.
    pub async fn lock_out_writers(&self) -> Result<Locked> {
        let mut connection = self.connection().await?;
        let locking = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection);
        tokio::time::timeout(PATIENCE, locking).await??;
        Ok(Locked(connection))
    }

    /// Every connection that the server still gives.
    pub async fn take_every_connection(&self) -> Result<Vec<sqlx::AnyConnection>> {
        let mut taken = Vec::new();
        // The error is the aim.
        while let Ok(Ok(connection)) = tokio::time::timeout(PATIENCE, self.connection()).await {
            taken.push(connection);
        }
        // Those that others hold are cut, so that they need new ones.
        if let Some(one) = taken.last_mut() {
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE pid <> pg_backend_pid() AND datname = current_database() AND wait_event = 'ClientRead'
                   AND query_start IS NOT NULL",
            )
            .execute(one)
            .await?;
        }
        while let Ok(Ok(connection)) = tokio::time::timeout(PATIENCE, self.connection()).await {
            taken.push(connection);
        }
        Ok(taken)
    }
}
