//! Simulated UPSes.
