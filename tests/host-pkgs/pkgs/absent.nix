# Tools of developers, and editors, that are not offered here: packages that evaluate, so that a flake
# with a development shell and the image of editors can be checked, and that say so when somebody
# builds them.
{ lib, runCommand }:

lib.genAttrs [
  "clippy"
  "deadnix"
  "emacs"
  "nano"
  "nixfmt"
  "nixfmt-rfc-style"
  "nixfmt-tree"
  "rustfmt"
  "vim"
] (
  name:
  runCommand name { meta.mainProgram = name; } ''
    echo "host-pkgs: \`${name}' is not offered by this package set; take nixpkgs for it" >&2
    exit 1
  ''
)
