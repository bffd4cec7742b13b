//! Hands on what a script says: line by line, so that what is said next begins a line of its own, and
//! without the one line that bash says about itself.

use std::io::{self, BufRead, BufReader, PipeWriter, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// The longest line that is handed on as one, in bytes.
const MAX_LINE: u64 = 64 << 10;

/// How long to wait for the end of the output once the script has ended. What a script leaves running
/// may hold on to it for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// What bash 5.2 says when a subshell within a function ends by a failure, for no reason of the script.
const NOISE: &[u8] = b"pop_var_context: head of shell_variables not a function context";

/// What programs say when a file or directory may not be changed.
const DENIED: &str = "Permission denied";

/// A pipe for the output of a script, and a thread that hands on to our stderr what comes out of it.
#[derive(Debug)]
pub struct Relay {
    pipe: PipeWriter,
    heard: Receiver<Heard>,
}

/// What the output of a script had in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The last line that said that permission was denied.
    pub denied: Option<String>,
}

impl Relay {
    /// Starts to listen. `shells` are the names under which bash may speak of itself, besides `bash`.
    ///
    /// # Errors
    /// When there can be no pipe, or no thread.
    pub fn start(shells: &[&Path]) -> io::Result<Self> {
        let (output, pipe) = io::pipe()?;
        let (sender, heard) = channel();
        let shells = shells.iter().map(|path| path.as_os_str());
        let mut shells: Vec<_> = shells
            .map(|path| path.as_encoded_bytes().to_vec())
            .chain([b"bash".to_vec()])
            .collect();
        // A path ends in `bash` itself.
        shells.sort_by_key(|shell| std::cmp::Reverse(shell.len()));
        thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || {
                let heard = hand_on(output, &mut io::stderr(), &shells);
                // Nobody waits any more if the script left something running.
                let _ = sender.send(heard);
            })?;
        Ok(Self { pipe, heard })
    }

    /// What a command gets as standard output and as standard error. It has to be dropped before
    /// [`Self::finish`], with the command.
    ///
    /// # Errors
    /// When there can be no more descriptors.
    pub fn ends(&self) -> io::Result<[PipeWriter; 2]> {
        Ok([self.pipe.try_clone()?, self.pipe.try_clone()?])
    }

    /// Waits until all is handed on that the script has said, which has ended.
    #[must_use]
    pub fn finish(self) -> Heard {
        drop(self.pipe);
        self.heard.recv_timeout(PATIENCE).unwrap_or_default()
    }
}

/// Copies the lines of `output` to `to`, and ends the last one.
fn hand_on(output: impl Read, to: &mut impl Write, shells: &[Vec<u8>]) -> Heard {
    let mut output = BufReader::new(output);
    let mut heard = Heard::default();
    let mut line = Vec::new();
    let mut ended = true;
    loop {
        line.clear();
        match output.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        remove_noise(&mut line, shells);
        let Some(last) = line.last() else { continue };
        ended = *last == b'\n';
        // A log that nobody can read any more is no reason to stop.
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if text.contains(DENIED) {
            heard.denied = Some(text.into_owned());
        }
    }
    if !ended {
        let _ = to.write_all(b"\n");
    }
    heard
}

/// Takes out of `line` what bash says about itself: `NAME: ` or `NAME: line NUMBER: ` and the noise. The
/// script may have begun the line.
fn remove_noise(line: &mut Vec<u8>, shells: &[Vec<u8>]) {
    let Some(at) = line.windows(NOISE.len()).position(|part| part == NOISE) else {
        return;
    };
    let before = line[..at].strip_suffix(b": ").unwrap_or(&line[..at]);
    let number = before.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let without_number = &before[..before.len() - number.count()];
    let named = without_number.strip_suffix(b": line ").unwrap_or(before);
    let shell = shells.iter().find(|shell| named.ends_with(shell));
    let said = match shell {
        Some(shell) => named.len() - shell.len(),
        // Some other file with a function in it.
        None => named
            .iter()
            .rposition(u8::is_ascii_whitespace)
            .map_or(0, |space| space + 1),
    };
    line.truncate(said);
    if said > 0 {
        line.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, expected: &str) -> Heard {
        let shells = ["/nix/store/x-bash/bin/bash", "bash"].map(|shell| shell.as_bytes().to_vec());
        let mut to = Vec::new();
        let heard = hand_on(said.as_bytes(), &mut to, &shells);
        assert_eq!(String::from_utf8(to).unwrap(), expected);
        heard
    }

    #[test]
    fn the_last_line_ends() {
        check("", "");
        check("\n", "\n");
        check("a\nb\n", "a\nb\n");
        check("a\nb", "a\nb\n");
        check("\n\n.", "\n\n.\n");
        let long = "x".repeat(MAX_LINE as usize + 1);
        check(&long, &format!("{long}\n"));
        check(&format!("{long}\nb"), &format!("{long}\nb\n"));
    }

    #[test]
    fn what_bash_says_about_itself_is_left_out() {
        let noise = "pop_var_context: head of shell_variables not a function context\n";
        for name in [
            "bash",
            "/nix/store/x-bash/bin/bash",
            "bash: line 1",
            "/nix/store/x-bash/bin/bash: line 123",
            "/nix/store/x-stdenv/setup: line 1700",
        ] {
            check(&format!("{name}: {noise}"), "");
            check(&format!("a\n{name}: {noise}b"), "a\nb\n");
        }
        check(&format!("cannot do itbash: {noise}"), "cannot do it\n");
        let glued = format!("cannot do it/nix/store/x-bash/bin/bash: line 3: {noise}");
        check(&glued, "cannot do it\n");
        check(
            &format!("cannot do it /other: line 3: {noise}"),
            "cannot do it \n",
        );
        check("pop_var_context: head\n", "pop_var_context: head\n");
        check(noise, "");
    }

    #[test]
    fn the_last_refusal_is_remembered() {
        assert_eq!(check("a\n", "a\n").denied, None);
        let said = "a: Permission denied\nb: Permission denied\nc\n";
        assert_eq!(check(said, said).denied.unwrap(), "b: Permission denied\n");
    }
}
