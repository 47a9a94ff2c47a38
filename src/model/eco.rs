//! Environmental figures.
