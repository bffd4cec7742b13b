//! Hashes bytes on their way to where they are written.

use std::io::{self, Write};

use crate::bytes::digest::HashWriter;

/// A sink that hands everything on to `out`, and hashes what `out` has taken.
#[derive(Debug)]
pub struct Hashed<W> {
    out: W,
    hash: HashWriter,
}

impl<W: Write> Hashed<W> {
    #[must_use]
    pub fn new(out: W) -> Self {
        Self {
            out,
            hash: HashWriter::new(),
        }
    }

    /// The sink, and the hash of what it has taken.
    pub fn into_parts(self) -> (W, HashWriter) {
        (self.out, self.hash)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::digest::Sha256;

    /// Takes three bytes at a time.
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let bytes = &bytes[..bytes.len().min(3)];
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_taken_is_hashed_once() {
        let mut hashed = Hashed::new(Slow(Vec::new()));
        hashed.write_all(b"some bytes").unwrap();
        let (Slow(written), hash) = hashed.into_parts();
        assert_eq!(written, b"some bytes");
        assert_eq!(hash.size(), 10);
        assert_eq!(hash.into_sha256(), Sha256::of(b"some bytes"));
    }
}
