//! Finds store paths in a file as Nix does when it looks for references: by the 32 characters of their
//! hashes, wherever they stand.

use std::collections::HashMap;
use std::io::{self, Read};

use crate::request::store_path::StorePath;

/// How many characters the hash of a store path has.
const HASH: usize = 32;

/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// The characters of hashes: Nix's base 32.
const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Which of `paths` are in the bytes of `input`, in the order of `paths`.
///
/// # Errors
/// When `input` cannot be read.
pub fn find(mut input: impl Read, paths: &[StorePath]) -> io::Result<Vec<&StorePath>> {
    let mut is_digit = [false; 256];
    for digit in DIGITS {
        is_digit[usize::from(*digit)] = true;
    }
    let mut found = vec![false; paths.len()];
    let by_hash: HashMap<Vec<u8>, usize> = paths
        .iter()
        .enumerate()
        .filter_map(|(number, path)| Some((hash(path)?, number)))
        .collect();
    // What may be the beginning of a hash stays in front of the next piece.
    let mut buffer = Vec::with_capacity(PIECE + HASH);
    loop {
        let kept = buffer.len();
        buffer.resize(kept + PIECE, 0);
        let read = match input.read(&mut buffer[kept..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Ok(0) => break,
            read => read?,
        };
        buffer.truncate(kept + read);
        let mut at = 0;
        while at + HASH <= buffer.len() {
            let window = &buffer[at..at + HASH];
            // No hash has a part that is none of its characters.
            match window
                .iter()
                .rposition(|byte| !is_digit[usize::from(*byte)])
            {
                Some(other) => at += other + 1,
                None => {
                    if let Some(number) = by_hash.get(window) {
                        found[*number] = true;
                    }
                    at += 1;
                }
            }
        }
        buffer.drain(..at.min(buffer.len()));
    }
    let found = paths.iter().zip(found).filter(|(_, found)| *found);
    Ok(found.map(|(path, _)| path).collect())
}

fn hash(path: &StorePath) -> Option<Vec<u8>> {
    let name = path.as_path().file_name()?.as_encoded_bytes();
    (name.len() > HASH).then(|| name[..HASH].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(digit: char) -> StorePath {
        let path = format!("/nix/store/{}-{digit}", digit.to_string().repeat(HASH));
        StorePath::parse(path.as_bytes()).unwrap()
    }

    /// Hands out a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = self.0.len().min(self.1);
            let (now, later) = self.0.split_at(end);
            buffer[..end].copy_from_slice(now);
            self.0 = later;
            Ok(end)
        }
    }

    #[test]
    fn hashes_are_found_wherever_they_stand() {
        let paths = ['a', 'b', '0'].map(path);
        let (a, b) = ("a".repeat(HASH), "b".repeat(HASH));
        for (text, expected) in [
            (String::new(), ""),
            (a.clone(), "a"),
            (format!("x{a}"), "a"),
            (format!("{a}{b}"), "ab"),
            (format!("{b}\0{a}"), "ab"),
            (format!("{}\0{}", &a[1..], &b[1..]), ""),
            (format!("{}e{}", &a[1..], &a[1..]), ""),
            (format!("{}{}", "z".repeat(1000), a), "a"),
            (format!("{}{}", "/".repeat(1000), a), "a"),
        ] {
            for step in [1, 7, 31, 32, 33, 5000] {
                let found = find(Slow(text.as_bytes(), step), &paths).unwrap();
                let found: String = found
                    .iter()
                    .map(|path| {
                        path.as_path()
                            .to_string_lossy()
                            .chars()
                            .next_back()
                            .unwrap()
                    })
                    .collect();
                assert_eq!(found, expected, "{text} by {step}");
            }
        }
    }

    #[test]
    fn hashes_are_found_across_pieces() {
        let paths = [path('a')];
        for offset in PIECE - 33..PIECE + 2 {
            let text = [vec![b'/'; offset], vec![b'a'; HASH]].concat();
            assert_eq!(find(&text[..], &paths).unwrap().len(), 1, "{offset}");
        }
    }
}
