//! Writes files without writing their zeros: what a sparse file in a tar expands to takes no room on the disk, as
//! when GNU tar unpacks it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// How much is read, and left out if it is nothing but zeros, at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Copies all of `content` to where `file` stands, and says how many bytes these are. Zeros become holes.
///
/// # Errors
/// When `content` cannot be read or `file` not be written.
pub fn copy(content: &mut dyn Read, file: &File) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut out = WithHoles::new(file);
    let mut size = 0;
    loop {
        match content.read(&mut piece) {
            Ok(0) => return out.finish().map(|()| size),
            Ok(got) => {
                out.write_all(&piece[..got])?;
                size += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes to a file from where it stands on, behind which it has nothing yet.
#[derive(Debug)]
pub struct WithHoles<'a> {
    file: &'a File,
    ends_in_hole: bool,
}

impl<'a> WithHoles<'a> {
    #[must_use]
    pub fn new(file: &'a File) -> Self {
        Self {
            file,
            ends_in_hole: false,
        }
    }

    /// Gives the file its size, which it has not yet if it ends in a hole.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn finish(mut self) -> io::Result<()> {
        if self.ends_in_hole {
            let size = self.file.stream_position()?;
            self.file.set_len(size)?;
        }
        Ok(())
    }
}

impl Write for WithHoles<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.ends_in_hole = bytes.iter().all(|byte| *byte == 0);
        if !self.ends_in_hole {
            return self.file.write(bytes);
        }
        let count = i64::try_from(bytes.len()).map_err(io::Error::other)?;
        self.file.seek(SeekFrom::Current(count))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn copied(parts: &[&[u8]]) -> (Vec<u8>, u64) {
        let mut file = tempfile::tempfile().unwrap();
        let mut expected = Vec::new();
        for part in parts {
            let count = copy(&mut &**part, &file).unwrap();
            assert_eq!(count, part.len() as u64);
            expected.extend_from_slice(part);
        }
        file.rewind().unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert!(content == expected);
        (content, file.metadata().unwrap().blocks())
    }

    #[test]
    fn what_is_copied_is_whole_wherever_its_zeros_are() {
        let zeros = vec![0; 200_000];
        copied(&[]);
        copied(&[b""]);
        copied(&[b"a", &zeros, b"b"]);
        copied(&[&zeros, b"b", &zeros]);
        copied(&[&[&zeros[..], b"b"].concat(), &zeros, &zeros, b""]);
    }

    #[test]
    fn zeros_take_no_room() {
        let (content, blocks) = copied(&[&vec![0; 16 << 20], b"end", &vec![0; 16 << 20]]);
        assert_eq!(content.len(), (32 << 20) + 3);
        assert!(blocks < 1024, "{blocks}");
    }
}
