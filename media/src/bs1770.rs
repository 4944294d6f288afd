//! What meters of ITU-R BS.1770-4 are made of: the weighting of annex 1 and the oversampling of annex 2, for any rate and layout. Facts of clips,
//! the mix and its limiter measure with them. Knows samples; blocks, gates and gains are the business of its callers.

pub(crate) mod true_peak;
pub(crate) mod weighting;
