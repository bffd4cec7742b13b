{
  description = "nixpkgs' dockerTools, with a Rust program as the builder of every image";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];

      forEachSystem =
        function:
        nixpkgs.lib.genAttrs systems (
          system:
          function (
            import nixpkgs {
              inherit system;
              overlays = [ self.overlays.default ];
            }
          )
        );
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = forEachSystem (
        pkgs:
        let
          inherit (import ./default.nix { inherit pkgs; }) builder image;
        in
        {
          default = builder;
          inherit builder image;
        }
      );

      checks = forEachSystem (pkgs: pkgs.callPackage ./nix/checks.nix { });
      devShells = forEachSystem (pkgs: {
        default = pkgs.callPackage ./nix/devShell.nix { };
      });
      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
