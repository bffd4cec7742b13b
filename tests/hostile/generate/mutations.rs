//! Tars of real programs, changed.

use std::fs;
use std::path::Path;

use super::{Case, Random};
use crate::tars::{Checksum, seal};

/// The tars in `directory`; of real programs, each changed `times` times.
pub(super) fn mutations(random: &mut Random, directory: &Path, times: usize) -> Vec<Case> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let label = path.file_name().unwrap().to_string_lossy().into_owned();
        // Those with a digest for a name were changed by a fuzzer already.
        let is_real = !label.bytes().all(|byte| byte.is_ascii_hexdigit());
        for number in 0..if is_real { times } else { 1 } {
            let mut changed = bytes.clone();
            mutate(random, &mut changed);
            cases.push(Case {
                label: format!("{label} changed, {number}"),
                bytes: changed,
            });
        }
        cases.push(Case { label, bytes });
    }
    cases
}

/// Changes some bytes, mostly of headers, and makes their checksums right again.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let blocks = bytes.len() / 512;
        if blocks == 0 {
            return;
        }
        let at = random.below(blocks) * 512;
        match random.below(8) {
            0 => {
                let copied = bytes[at..at + 512].to_vec();
                let to = random.below(blocks) * 512;
                bytes.splice(to..to, copied);
            }
            1 => {
                bytes.drain(at..at + 512);
            }
            _ => {
                let offset = match random.below(3) {
                    0 => random.below(512),
                    1 => 100 + random.below(165),
                    _ => random.below(20),
                };
                let byte = *random.pick(b"\0\x01 /0017.\x80\xffxLKgS25");
                bytes[at + offset] = byte;
            }
        }
    }
    if random.one_in(10) {
        return;
    }
    for block in bytes.chunks_exact_mut(512) {
        if block[148..154].iter().all(u8::is_ascii_digit) {
            seal(block, Checksum::Unsigned);
        }
    }
}
