//! Keeps as much of what is wrong as anybody reads.

/// How many are told. Nobody reads more, and each takes memory.
pub const MAX_TOLD: usize = 1_000;

/// What is told, up to `MAX`, and how many more there are.
#[derive(Debug)]
pub struct Capped<T, const MAX: usize = MAX_TOLD> {
    pub told: Vec<T>,
    pub more: u64,
}

impl<T, const MAX: usize> Capped<T, MAX> {
    /// Adds `one`, or counts it.
    pub fn add(&mut self, one: T) {
        self.add_with(|| one);
    }

    /// Adds `one`, which stands for `count`, or counts these.
    pub fn add_counted(&mut self, one: T, count: u64) {
        if self.told.len() < MAX {
            self.told.push(one);
        } else {
            self.more += count;
        }
    }

    /// Adds what `one` makes, or counts it without making it.
    pub fn add_with(&mut self, one: impl FnOnce() -> T) {
        if self.told.len() < MAX {
            self.told.push(one());
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

impl<T, const MAX: usize> Default for Capped<T, MAX> {
    fn default() -> Self {
        Self {
            told: Vec::new(),
            more: 0,
        }
    }
}
