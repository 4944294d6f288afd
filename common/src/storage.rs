//! An empty room; it is furnished next.
