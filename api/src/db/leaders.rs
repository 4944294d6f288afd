//! Who of several processes leads: a row that its holder renews, by the database's clock.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::row::big;
use super::{Database, DbError, Move};

/// Takes or renews the lead for `lease` from now. Not made: another holds it.
pub async fn take(
    db: &Database,
    name: &str,
    holder: &str,
    lease: Duration,
) -> Result<Move, DbError> {
    let now_ms = db.dialect.now_ms();
    let take = format!(
        "INSERT INTO leaders (name, holder, until_ms) VALUES ($1, $2, {now_ms} + $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms \
         WHERE leaders.holder = excluded.holder OR leaders.until_ms <= {now_ms}"
    );
    let lease_ms = big(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
    let mut tx = db.write().await?;
    let done = sqlx::query(AssertSqlSafe(take))
        .bind(name)
        .bind(holder)
        .bind(lease_ms)
        .execute(tx.connection())
        .await?;
    let taken = Move::of(done.rows_affected());
    if taken.is_made() {
        tx.commit().await?;
    }
    Ok(taken)
}

/// Gives the lead up, so that the next one need not wait. Not made: another had it.
pub async fn resign(db: &Database, name: &str, holder: &str) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query("DELETE FROM leaders WHERE name = $1 AND holder = $2")
        .bind(name)
        .bind(holder)
        .execute(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(Move::of(done.rows_affected()))
}
