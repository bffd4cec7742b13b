//! Keeps as much of what is wrong as anybody reads.

/// How many are told. Nobody reads more, and each takes memory.
pub const MAX_TOLD: usize = 1_000;

/// What is told, up to [`MAX_TOLD`], and how many more there are.
#[derive(Debug)]
pub struct Told<T> {
    pub told: Vec<T>,
    pub more: u64,
}

impl<T> Told<T> {
    /// Adds `one`, or counts it.
    pub fn add(&mut self, one: T) {
        if self.told.len() < MAX_TOLD {
            self.told.push(one);
        } else {
            self.more += 1;
        }
    }

    /// How many there are in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.told.len() as u64 + self.more
    }
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self {
            told: Vec::new(),
            more: 0,
        }
    }
}
