//! The database: the truth about directors, clips, renders, tasks and episodes. All SQL of the project is in this room, one file per
//! aggregate, written once for SQLite and Postgres; what truly differs is in [`dialect`].
//!
//! Must not know HTTP, Redis, object storage, or why a row moves: [`crate::farm`] decides, this room makes the move or says that the row
//! was not where it was expected.

mod bulk;
mod dialect;
mod error;
mod migrate;
mod row;

pub mod blobs;
pub mod catalog;
pub mod clips;
pub mod directors;
pub mod episodes;
pub mod events;
pub mod idempotency;
pub mod keys;
pub mod leaders;
pub mod quarantine;
pub mod renders;
pub mod retention;
pub mod settings;
pub mod strikes;
pub mod tasks;
pub mod worker_tokens;
pub mod workers;

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use dialect::Dialect;

pub use error::DbError;

/// Connections of one process.
const MAX_CONNECTIONS: u32 = 16;
/// How long a query waits for a free connection, and a writer for its turn.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle to the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    dialect: Dialect,
    /// SQLite has one writer: waiting here is fair, waiting in SQLite is not.
    writers: Arc<Semaphore>,
    /// Who moves the graph next waits here and not at the database, where it would keep a connection from readers.
    graph: Arc<Semaphore>,
}

/// Whether a guarded write found the row where it expected it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Move {
    Made,
    /// The row is in another state, or of another attempt: nothing was written.
    Stale,
}

impl Move {
    fn of(rows: u64) -> Self {
        if rows == 1 { Self::Made } else { Self::Stale }
    }

    pub fn is_made(self) -> bool {
        self == Self::Made
    }
}

impl Database {
    /// Opens `sqlite://path` (made when absent) or `postgres://…` and brings the schema up to date, one process at a time.
    pub async fn connect(url: &str) -> Result<Self, DbError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let url = dialect.full_url(url);
        migrate::run(dialect, &url).await?;
        let pool = AnyPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(dialect.prepare(connection)))
            // A full disk ends a transaction of SQLite without sqlx's knowing: that connection would begin no other one.
            .before_acquire(|connection, _| {
                let is_free = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_free) })
            })
            .connect(&url)
            .await?;
        let writers = Arc::new(Semaphore::new(dialect.writers()));
        Ok(Self {
            pool,
            dialect,
            writers,
            graph: Arc::new(Semaphore::new(1)),
        })
    }

    /// A transaction. Dropped without [`Write::commit`], it never was.
    pub async fn write(&self) -> Result<Write, DbError> {
        let turn = turn_of(&self.writers).await?;
        let transaction = self.pool.begin_with(self.dialect.begin()).await?;
        Ok(Write {
            transaction,
            _turn: turn,
            _graph: None,
        })
    }

    /// A transaction that moves renders and tasks: only one of them is open at any time, whatever the database and however many processes.
    ///
    /// A move looks at several rows (are all needs done? is another render using this task?) and would otherwise have to lock each of them
    /// in one global order. What only touches its own row (progress) uses [`Database::write`].
    pub async fn write_graph(&self) -> Result<Write, DbError> {
        let graph = turn_of(&self.graph).await?;
        let mut tx = self.write().await?;
        self.dialect.lock_graph(tx.connection()).await?;
        tx._graph = Some(graph);
        Ok(tx)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(self.reader()).await?;
        Ok(())
    }

    /// Waits for running queries and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn reader(&self) -> &AnyPool {
        &self.pool
    }
}

async fn turn_of(line: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DbError> {
    tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(line).acquire_owned())
        .await
        .map_err(|_| DbError::Unavailable(sqlx::Error::PoolTimedOut))?
        .map_err(|_| DbError::Unavailable(sqlx::Error::PoolClosed))
}

/// An open transaction.
pub struct Write {
    // Declared first, dropped first: whose turn is next begins when this is over.
    transaction: Transaction<'static, Any>,
    _turn: OwnedSemaphorePermit,
    _graph: Option<OwnedSemaphorePermit>,
}

impl Write {
    /// From here on it is true for everybody.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.transaction.commit().await?)
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_goes_on_with_a_database_that_a_newer_one_has_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("farm.db").display());
        let db = Database::connect(&url).await.unwrap();
        let mut tx = db.write().await.unwrap();
        let newer = sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'newer', TRUE, x'00', 0)",
        );
        newer.execute(tx.connection()).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        let again = Database::connect(&url).await.unwrap();
        again.write().await.unwrap().commit().await.unwrap();
        again.close().await;
    }

    #[tokio::test]
    async fn a_disk_that_was_full_leaves_no_connection_that_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("farm.db").display());
        let db = Database::connect(&url).await.unwrap();
        let mut tx = db.write().await.unwrap();
        let table = sqlx::query("CREATE TABLE filler (bytes BLOB)");
        table.execute(tx.connection()).await.unwrap();
        tx.commit().await.unwrap();
        for _ in 0..3 {
            let mut tx = db.write().await.unwrap();
            // Not one page more than there are.
            let full = sqlx::query("PRAGMA max_page_count = 1");
            full.execute(tx.connection()).await.unwrap();
            let filling = sqlx::query("INSERT INTO filler VALUES (zeroblob(1000000))");
            let refused = filling
                .execute(tx.connection())
                .await
                .map_err(DbError::from);
            assert!(
                matches!(refused, Err(DbError::Unavailable(_))),
                "{refused:?}"
            );
            drop(tx);
            for _ in 0..=MAX_CONNECTIONS {
                db.write().await.unwrap().commit().await.unwrap();
            }
        }
        db.close().await;
    }
}
