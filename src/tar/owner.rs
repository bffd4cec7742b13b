//! Who owns an entry of a tar.

/// Who owns an entry, by number and by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub uid: u64,
    pub gid: u64,
    /// Empty when the number has no name.
    pub uname: String,
    pub gname: String,
}

impl Owner {
    /// The owner that GNU tar writes for `--owner=UID --group=GID` in Nix's build sandbox, whose
    /// passwd and group files are fixed; see `docs/format.md`.
    #[must_use]
    pub fn in_nix_sandbox(uid: u64, gid: u64) -> Self {
        let uname = match uid {
            0 => "root",
            1000 => "nixbld",
            65534 => "nobody",
            _ => "",
        };
        let gname = match gid {
            0 => "root",
            100 => "nixbld",
            65534 => "nogroup",
            _ => "",
        };
        Self {
            uid,
            gid,
            uname: uname.to_owned(),
            gname: gname.to_owned(),
        }
    }

    /// The owner that GNU tar writes in nixpkgs' virtual machines, where passwd has root alone and
    /// there is no file of groups; see [`Dialect::GnuWithoutGroups`].
    #[must_use]
    pub fn in_nixpkgs_vm(uid: u64, gid: u64) -> Self {
        Self {
            uname: if uid == 0 { "root" } else { "" }.to_owned(),
            ..Self::numeric(uid, gid)
        }
    }

    /// Numbers alone, as `--numeric-owner` writes them.
    #[must_use]
    pub fn numeric(uid: u64, gid: u64) -> Self {
        Self {
            uid,
            gid,
            uname: String::new(),
            gname: String::new(),
        }
    }

    /// `root:root`.
    #[must_use]
    pub fn root() -> Self {
        Self::in_nix_sandbox(0, 0)
    }
}
