-- What a task needs of its host's memory, as estimated from its specification. NULL: a task of before this column, which any worker may be given.
ALTER TABLE tasks ADD COLUMN memory_bytes BIGINT;
