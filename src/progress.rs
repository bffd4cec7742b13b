//! Tells people what is going on: in a Nix build by lines in the log and `setPhase` messages, on a
//! terminal by a progress bar. Everything goes to stderr.

use std::fmt::Display;
use std::io::{self, Read, Write};

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

/// A progress bar over bytes; invisible but on a terminal.
#[derive(Debug)]
pub struct Bar(ProgressBar);

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
        if self != Self::Terminal {
            return Bar(ProgressBar::hidden());
        }
        let style =
            ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}")
                .expect("the template is correct");
        let target = ProgressDrawTarget::stderr();
        Bar(ProgressBar::with_draw_target(Some(total), target).with_style(style))
    }

    /// Begins a count of bytes, of which nobody knows how many there will be.
    #[must_use]
    pub fn count(self) -> Bar {
        if self != Self::Terminal {
            return Bar(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{bytes} {bytes_per_sec}")
            .expect("the template is correct");
        let target = ProgressDrawTarget::stderr();
        Bar(ProgressBar::with_draw_target(None, target).with_style(style))
    }
}

impl Bar {
    /// A sink that moves the bar while it hands everything on to `out`.
    pub fn watch<'a>(&'a self, out: &'a mut dyn Write) -> impl Write + 'a {
        Watched { bar: &self.0, out }
    }

    /// A reader that moves the bar while it reads `input`.
    pub fn watch_reader<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.0.wrap_read(input)
    }

    /// Prints one line where `progress` has its messages, above the bar.
    pub fn line(&self, progress: Progress, text: &str) {
        self.0.suspend(|| progress.line(text));
    }

    /// Takes the bar off the screen.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}

struct Watched<'a> {
    bar: &'a ProgressBar,
    out: &'a mut dyn Write,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bar.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `bytes` for people: `23.4 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// `count` things with their name, which takes an `s` for several: `1 file`, `2 files`.
#[must_use]
pub fn count<N: Display + PartialEq + From<u8>>(count: N, name: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        let counts = [0, 1, 2].map(|number| count(number, "file"));
        assert_eq!(counts, ["0 files", "1 file", "2 files"]);
    }
}
