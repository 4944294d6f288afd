-- When the worker of an attempt that was canceled or lost said that it has stopped working at it. NULL: it did not say so.
ALTER TABLE attempts ADD COLUMN stopped_at_ms BIGINT;
