//! Where the holes of a sparse file are: what is stored of it, and what is zeros.

/// The parts of a sparse file that are stored, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseMap {
    /// In the order of the file; none is empty, and none overlaps another.
    pub(crate) parts: Vec<Part>,
    /// Of the whole file, in bytes.
    pub(crate) size: u64,
    pub(crate) stored: u64,
}

/// What is stored of a sparse file in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where in the file it begins.
    pub(crate) at: u64,
    /// Where it begins in what is stored.
    pub(crate) stored_at: u64,
    pub(crate) size: u64,
}

/// What is at some position of a sparse file: so many bytes that are stored, or zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    Data { stored_at: u64, left: u64 },
    Zeros { left: u64 },
}

impl SparseMap {
    /// How many parts are stored.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The size of the whole file, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes are stored.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// What is from `position` of the file on; behind its end no zeros.
    #[must_use]
    pub fn piece(&self, position: u64) -> Piece {
        let next = self.parts.partition_point(|part| part.at <= position);
        if let Some(part) = next.checked_sub(1).map(|last| self.parts[last])
            && position - part.at < part.size
        {
            let passed = position - part.at;
            return Piece::Data {
                stored_at: part.stored_at + passed,
                left: part.size - passed,
            };
        }
        let end = self.parts.get(next).map_or(self.size, |part| part.at);
        Piece::Zeros {
            left: end.saturating_sub(position),
        }
    }
}
