//! What the builder of a derivation needs, whatever it builds: its context, outputs that vanish when a build fails, and
//! the scripts of users.
//!
//! Knows neither images nor what an output is for.

pub mod context;
pub mod process;
pub mod relay;
pub mod read_only;
pub mod script;
pub mod fakeroot;
pub mod output;
