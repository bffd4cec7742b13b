//! The virtual machine in which layers are made as root, from within ([`guest`]) and from outside
//! ([`host`]). nixpkgs' `vmTools.runInLinuxVM` starts it: the host's `vm-run` boots a kernel whose
//! second stage runs the derivation's own builder, and both share a folder for the exit status.

pub mod namespaces;
pub mod overlay;
pub mod guest;
pub mod host;

/// Where the machine has the folder that it shares with the host.
const EXCHANGE: &str = "/tmp/xchg";

/// What the shared folder is called in the host's build directory.
const EXCHANGE_ON_HOST: &str = "xchg";

/// The file of the shared folder that holds the exit status of the builder, for `vm-run`.
const STATUS: &str = "in-vm-exit";

/// The file of the shared folder that says that we run: the machine has booted.
const STARTED: &str = "builder-started";
