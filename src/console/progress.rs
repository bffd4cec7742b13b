//! Tells people what is going on: in a Nix build by lines in the log and `setPhase` messages, on a
//! terminal by a progress bar. Everything goes to stderr.

use crate::console::text::size;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The log of a Nix build.
    Log,
    /// A person's terminal.
    Terminal,
    /// A file or pipe: words, but nothing that moves.
    Plain,
}

/// How often a log says how far something is.
const INTERVAL: Duration = Duration::from_secs(10);

/// How far something is, in bytes: a bar on a terminal, a line every ten seconds in the log of a build,
/// and nothing elsewhere. Several threads may move one.
#[derive(Debug, Clone)]
pub struct Bar {
    terminal: ProgressBar,
    log: Option<Arc<Log>>,
}

/// What a log is told of something that takes long.
#[derive(Debug)]
struct Log {
    start: Instant,
    /// In bytes; unknown for a stream.
    total: Option<u64>,
    done: AtomicU64,
    /// How many times [`INTERVAL`] have passed and been told of.
    told: AtomicU64,
}

impl Progress {
    /// Announces what is done next: `phase` in one word for Nix, `text` for people.
    pub fn phase(self, phase: &str, text: &str) {
        if self == Self::Log {
            self.line(&format!(
                "@nix {{\"action\":\"setPhase\",\"phase\":\"{phase}\"}}"
            ));
        }
        self.line(text);
    }

    /// Prints one line.
    pub fn line(self, text: &str) {
        // A log that nobody can read any more is no reason to stop.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Begins a bar that is full at `total` bytes.
    #[must_use]
    pub fn bar(self, total: u64) -> Bar {
        self.begin(
            Some(total),
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}",
        )
    }

    /// Begins a count of bytes, of which nobody knows how many there will be.
    #[must_use]
    pub fn count(self) -> Bar {
        self.begin(None, "{bytes} {bytes_per_sec}")
    }

    fn begin(self, total: Option<u64>, template: &str) -> Bar {
        let terminal = if self == Self::Terminal {
            let style = ProgressStyle::with_template(template).expect("the template is correct");
            let target = ProgressDrawTarget::stderr();
            ProgressBar::with_draw_target(total, target).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        let log = (self == Self::Log).then(|| Arc::new(Log::new(total)));
        Bar { terminal, log }
    }
}

impl Bar {
    /// A sink that moves the bar while it hands everything on to `out`.
    pub fn watch<'a>(&self, out: &'a mut dyn Write) -> impl Write + use<'a> {
        Watched {
            bar: self.clone(),
            inner: out,
        }
    }

    /// A reader that moves the bar while it reads `input`.
    pub fn watch_reader<R: Read>(&self, input: R) -> impl Read + use<R> {
        Watched {
            bar: self.clone(),
            inner: input,
        }
    }

    /// Prints one line where `progress` has its messages, above the bar.
    pub fn line(&self, progress: Progress, text: &str) {
        self.terminal.suspend(|| progress.line(text));
    }

    /// Takes the bar off the screen.
    pub fn finish(self) {
        self.terminal.finish_and_clear();
    }

    fn advance(&self, bytes: usize) {
        self.terminal.inc(bytes as u64);
        if let Some(log) = &self.log
            && let Some(line) = log.advance(bytes as u64, log.start.elapsed())
        {
            Progress::Log.line(&line);
        }
    }
}

impl Log {
    fn new(total: Option<u64>) -> Self {
        Self {
            start: Instant::now(),
            total,
            done: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    /// Counts `bytes`, and gives the line to print if ten seconds have passed since the last one.
    /// `elapsed` is the time since the start.
    fn advance(&self, bytes: u64, elapsed: Duration) -> Option<String> {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let intervals = elapsed.as_secs() / INTERVAL.as_secs();
        // One of several threads says it.
        if self.told.fetch_max(intervals, Ordering::Relaxed) >= intervals {
            return None;
        }
        Some(match self.total {
            Some(total) => format!(
                "{} of {} done ({} %)",
                size(done),
                size(total),
                u128::from(done) * 100 / u128::from(total.max(1))
            ),
            None => format!("{} done", size(done)),
        })
    }
}

/// What is written or read through it moves a bar.
struct Watched<T> {
    bar: Bar,
    inner: T,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bar.advance(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bar.advance(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_hears_of_long_work_every_ten_seconds() {
        let log = Log::new(Some(40_000_000));
        let mut lines = Vec::new();
        // In tenths of a second, with a gap from 35 to 61 seconds.
        for tenth in (0..350).chain(610..700) {
            let elapsed = Duration::from_millis(tenth * 100);
            let line = log.advance(50_000, elapsed);
            lines.extend(line.map(|line| format!("{} s: {line}", tenth / 10)));
        }
        assert_eq!(
            lines,
            [
                "10 s: 5.05 MB of 40.00 MB done (12 %)",
                "20 s: 10.05 MB of 40.00 MB done (25 %)",
                "30 s: 15.05 MB of 40.00 MB done (37 %)",
                "61 s: 17.55 MB of 40.00 MB done (43 %)",
            ]
        );
        let stream = Log::new(None);
        assert_eq!(stream.advance(1_000, Duration::from_millis(9_999)), None);
        let line = stream.advance(1_000, Duration::from_secs(10));
        assert_eq!(line.as_deref(), Some("2.00 kB done"));
        let empty = Log::new(Some(0));
        let line = empty.advance(0, Duration::from_secs(10));
        assert_eq!(line.as_deref(), Some("0 B of 0 B done (0 %)"));
    }
}
