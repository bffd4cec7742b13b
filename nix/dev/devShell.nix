# Gives a shell with what a developer needs beside Nix: the Rust tools, and the programs that the
# tests compare with.
{
  builder,
  clippy,
  deadnix,
  gnutar,
  jq,
  mkShell,
  nixfmt-tree,
  pigz,
  python3,
  rsync,
  rustfmt,
  skopeo,
  umoci,
  zstd,
}:

mkShell {
  inputsFrom = [ builder ];
  packages = [
    clippy
    deadnix
    gnutar
    jq
    nixfmt-tree
    pigz
    python3
    rsync
    rustfmt
    skopeo
    umoci
    zstd
  ];
}
