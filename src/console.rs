//! What people are told: how far something is, what an engine will refuse, texts and tables.
//!
//! Knows nothing of what it tells, and gives nothing back that a stage decides by.

pub mod text;
pub mod capped;
pub mod table;
pub mod progress;
pub mod warnings;
