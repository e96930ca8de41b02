//! What sources are: series of files and bundles, in order, by process.

mod series;
