-- Which process does what only one should do at a time. `until_ms` is by the database's clock: the processes' own may differ.
CREATE TABLE leaders (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);
