//! What the targets share.

use std::io::Write;
use std::path::Path;

use libfuzzer_sys::fuzzer_mutate;
use tempfile::NamedTempFile;

/// A file with `bytes`, in memory where there is such a place.
#[must_use]
pub fn file_of(bytes: &[u8]) -> NamedTempFile {
    let memory = Path::new("/dev/shm");
    let mut file = if memory.is_dir() {
        NamedTempFile::new_in(memory)
    } else {
        NamedTempFile::new()
    }
    .expect("there is room");
    file.write_all(bytes).expect("there is room");
    file
}

/// Changes a tar somewhere, and mostly makes the checksum of each block that looks like a header
/// right again, since chance alone would not.
pub fn mutate_tar(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = fuzzer_mutate(data, size, max_size);
    if !seed.is_multiple_of(16) {
        data[..size].chunks_exact_mut(512).for_each(seal);
    }
    size
}

fn seal(block: &mut [u8]) {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'7');
    if block[148..154].iter().all(is_digit) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
