//! Runs the command line and returns the exit status.

use std::process::ExitCode;

use nix_image_builder::cli;

fn main() -> ExitCode {
    give_memory_back();
    ExitCode::from(cli::run())
}

/// How large a piece of memory is, in bytes, that goes back to the system as soon as it is free.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 4 << 20;

/// Lets memory go that is not needed any more. glibc keeps what it has given out, up to 32 MiB of each thread:
/// the windows of decoders would stay beside the tree of an image, which is made later.
#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "no library offers this without")
)]
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets a number within the allocator, before there are threads.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}
