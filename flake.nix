{
  description = "nixpkgs' dockerTools with a Rust program as the builder of images";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    inputs:
    let
      inherit (inputs.nixpkgs) legacyPackages lib;

      projects = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: import ./default.nix { pkgs = legacyPackages.${system}; }
      );
      forEachProject = function: lib.mapAttrs (_system: function) projects;
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = forEachProject (project: {
        inherit (project) builder image;
        default = project.builder;
      });
      checks = forEachProject (project: project.checks);
      devShells = forEachProject (project: {
        default = project.devShell;
      });
      formatter = lib.mapAttrs (system: _project: legacyPackages.${system}.nixfmt-tree) projects;
    };
}
