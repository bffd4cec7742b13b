# What a developer needs beside Nix itself: the Rust tools, and the programs that judge us.
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
