//! Reading forwards past bytes that nobody needs.

use std::io::{self, Read};

/// A source of bytes that may know a faster way past some of them than to read them.
pub trait Skip: Read {
    /// Passes over `count` bytes and says how many there were.
    ///
    /// # Errors
    /// As reading does.
    fn skip(&mut self, count: u64) -> io::Result<u64>
    where
        Self: Sized,
    {
        io::copy(&mut self.by_ref().take(count), &mut io::sink())
    }
}

impl<R: Read> Skip for io::Take<R> {}

impl<A: Read, B: Read> Skip for io::Chain<A, B> {}

impl Skip for &[u8] {}
