{
  description = "nixpkgs' dockerTools with a Rust program as the builder of images";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    inputs:
    let
      inherit (inputs.nixpkgs) lib;

      packageSets = lib.getAttrs [ "aarch64-linux" "x86_64-linux" ] inputs.nixpkgs.legacyPackages;
      # The stand-in for nixpkgs, tests/host-pkgs, has no tools for developers.
      developerSets = lib.filterAttrs (_system: pkgs: pkgs ? nixfmt-tree) packageSets;

      forEachSet = lib.mapAttrs (_system: pkgs: import ./default.nix { inherit pkgs; });
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = lib.mapAttrs (_system: project: {
        inherit (project) builder image;
        default = project.builder;
      }) (forEachSet packageSets);

      checks = lib.mapAttrs (_system: project: project.checks) (forEachSet packageSets);

      devShells = lib.mapAttrs (_system: project: { default = project.devShell; }) (
        forEachSet developerSets
      );

      formatter = lib.mapAttrs (_system: pkgs: pkgs.nixfmt-tree) developerSets;
    };
}
