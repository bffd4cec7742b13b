//! Compresses a file with gzp and nothing else: the floor that `benches/compare` measures.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use nix_image_builder::bytes::compress;
use nix_image_builder::bytes::compression::Compressor;

fn main() -> io::Result<()> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to)) = (paths.next(), paths.next()) else {
        return Err(io::Error::other("usage: gzp FROM TO"));
    };
    let threads = std::thread::available_parallelism()?.get();
    compress::write(
        File::create(to)?,
        Compressor::Gzip,
        threads,
        |error| error,
        |out| io::copy(&mut File::open(from)?, out).map(drop),
    )
    .map(drop)
}
