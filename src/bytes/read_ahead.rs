//! Reads ahead in a thread, so that uncompressing and hashing overlap.

use std::io::{self, Read};
use std::panic;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use crate::bytes::skip::Skip;

/// The size of the pieces that are handed over, in bytes.
const PIECE: usize = 256 * 1024;

/// How many pieces may wait: enough that neither side stops for long, 2 MB in all.
const PIECES: usize = 8;

/// A reader whose bytes are made by another thread. The thread ends with the input, or when the
/// reader is dropped.
#[derive(Debug)]
pub struct ReadAhead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// Takes back what has been read, to be filled again: fresh memory is slow.
    used: Sender<Vec<u8>>,
    piece: Vec<u8>,
    /// How much of `piece` has been read.
    at: usize,
    /// Until it has ended.
    thread: Option<JoinHandle<()>>,
    /// Why the input ended, if it failed: whoever reads on after a failure learns of it again.
    failed: Option<(io::ErrorKind, String)>,
}

impl ReadAhead {
    /// Starts to read `input`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(mut input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(PIECES);
        let (used, empty) = channel::<Vec<u8>>();
        let thread = thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || {
                loop {
                    let mut piece = empty.try_recv().unwrap_or_default();
                    piece.clear();
                    let read = input.by_ref().take(PIECE as u64).read_to_end(&mut piece);
                    let last = !matches!(read, Ok(1..));
                    // What was read before a failure is good, and comes first.
                    let sent = piece.is_empty() || sender.send(Ok(piece)).is_ok();
                    let failed = read
                        .err()
                        .is_some_and(|error| sender.send(Err(error)).is_ok());
                    if last || failed || !sent {
                        return;
                    }
                }
            })?;
        Ok(Self {
            pieces,
            used,
            piece: Vec::new(),
            at: 0,
            thread: Some(thread),
            failed: None,
        })
    }
}

impl ReadAhead {
    /// Learns how the thread ended, which sends nothing any more: with the input, or by a panic, which is ours then.
    /// Without it what has been read would look whole.
    fn end(&mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(panic)) => {
                let text = "the thread that read it has panicked".to_owned();
                self.failed = Some((io::ErrorKind::Other, text));
                panic::resume_unwind(panic)
            }
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.at == self.piece.len() {
            if let Some((kind, text)) = &self.failed {
                return Err(io::Error::new(*kind, text.clone()));
            }
            match self.pieces.recv() {
                Ok(Ok(piece)) => {
                    let read = std::mem::replace(&mut self.piece, piece);
                    // Once the thread has ended, nobody needs it.
                    let _ = self.used.send(read);
                }
                Ok(Err(error)) => {
                    self.failed = Some((error.kind(), error.to_string()));
                    return Err(error);
                }
                Err(_) => return self.end().map(|()| 0),
            }
            self.at = 0;
        }
        let length = buffer.len().min(self.piece.len() - self.at);
        buffer[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

impl Skip for ReadAhead {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `good` bytes, then fails.
    struct Failing {
        good: usize,
    }

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.good == 0 {
                return Err(io::Error::other("the disk is on fire"));
            }
            let length = buffer.len().min(self.good);
            self.good -= length;
            Ok(length)
        }
    }

    #[test]
    fn everything_arrives_in_order() {
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|n| (n % 251) as u8).collect();
        let mut read = Vec::new();
        ReadAhead::new(Box::new(io::Cursor::new(bytes.clone())))
            .unwrap()
            .read_to_end(&mut read)
            .unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn a_failure_comes_after_the_bytes_before_it() {
        let mut reader = ReadAhead::new(Box::new(Failing { good: PIECE + 1 })).unwrap();
        let mut read = Vec::new();
        let error = reader.read_to_end(&mut read).unwrap_err();
        assert_eq!(read.len(), PIECE + 1);
        assert_eq!(error.to_string(), "the disk is on fire");
        let error = reader.read(&mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "the disk is on fire");
    }

    #[test]
    fn a_panic_of_the_input_is_no_end() {
        struct Panicking;
        impl Read for Panicking {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a decoder is broken");
            }
        }
        let good = io::Cursor::new(vec![b'x'; PIECE]);
        let mut reader = ReadAhead::new(Box::new(good.chain(Panicking))).unwrap();
        reader.read_exact(&mut vec![0; PIECE]).unwrap();
        let read = panic::catch_unwind(panic::AssertUnwindSafe(|| reader.read(&mut [0])));
        let panic = read.expect_err("it is no clean end");
        assert_eq!(panic.downcast_ref(), Some(&"a decoder is broken"));
        // Whoever goes on all the same does not find one either.
        let error = reader.read(&mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "the thread that read it has panicked");
    }

    #[test]
    fn a_dropped_reader_stops_the_thread() {
        let (alive, gone) = sync_channel::<()>(0);
        struct Endless(
            #[expect(dead_code, reason = "its drop is what counts")] std::sync::mpsc::SyncSender<()>,
        );
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(buffer.len())
            }
        }
        drop(ReadAhead::new(Box::new(Endless(alive))).unwrap());
        assert!(gone.recv().is_err());
    }
}
