//! Hashes in a thread of its own what passes by, so that hashing and writing overlap.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use crate::digest::HashWriter;

/// How many pieces may wait to be hashed.
const PIECES: usize = 8;

/// A sink that hands on to `out` what is written to it, and hashes it beside.
pub struct HashThread<'a> {
    out: &'a mut dyn Write,
    pieces: SyncSender<Vec<u8>>,
    /// Pieces that have been hashed, to be used again: fresh memory is slow.
    used: Receiver<Vec<u8>>,
    thread: JoinHandle<HashWriter>,
}

impl<'a> HashThread<'a> {
    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn new(out: &'a mut dyn Write) -> io::Result<Self> {
        let (pieces, waiting) = sync_channel::<Vec<u8>>(PIECES);
        let (done, used) = channel();
        let thread = thread::Builder::new()
            .name("hash".to_owned())
            .spawn(move || {
                let mut hash = HashWriter::new();
                for piece in waiting {
                    hash.write_all(&piece).expect("hashing cannot fail");
                    // Nobody takes it once the writing is over.
                    let _ = done.send(piece);
                }
                hash
            })?;
        Ok(Self {
            out,
            pieces,
            used,
            thread,
        })
    }

    /// The hash of all that was written.
    #[must_use]
    pub fn finish(self) -> HashWriter {
        drop(self.pieces);
        match self.thread.join() {
            Ok(hash) => hash,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Write for HashThread<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut piece = self.used.try_recv().unwrap_or_default();
        piece.clear();
        piece.extend_from_slice(bytes);
        self.pieces
            .send(piece)
            .map_err(|_| io::Error::other("the thread that hashes has ended"))?;
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl std::fmt::Debug for HashThread<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashThread").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn everything_is_handed_on_and_hashed_in_order() {
        let mut out = Vec::new();
        let mut hashing = HashThread::new(&mut out).unwrap();
        let pieces: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; usize::from(n) * 50]).collect();
        for piece in &pieces {
            hashing.write_all(piece).unwrap();
        }
        let hash = hashing.finish();
        assert_eq!(out, pieces.concat());
        assert_eq!(hash.into_digest(), Digest::of(&pieces.concat()));
    }
}
