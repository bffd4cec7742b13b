# The package set as a flake, to stand in for nixpkgs: `--override-input nixpkgs path:./tests/host-pkgs
# --impure` (impure, because the packages are this machine's).
{
  description = "The nixpkgs names that nix-image-builder uses, made from Debian packages";

  outputs =
    { self }:
    let
      lib = import ./lib;
      systems = [
        "aarch64-linux"
        "x86_64-linux"
      ];
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs systems (system: import self { inherit system; });
    };
}
