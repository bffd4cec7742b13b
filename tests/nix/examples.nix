{ dockerTools, lib, pkgs }:

let
  overlay = import ../../nix/overlay.nix;
  testsWhere =
    nixosTests: ((pkgs.extend (_final: _prev: { inherit nixosTests; })).extend overlay).dockerTools.tests;
in
{
  "the examples have the names of nixpkgs'" = {
    expr = lib.attrNames (
      removeAttrs dockerTools.examples [
        "override"
        "overrideDerivation"
      ]
    );
    expected = [
      "another-layered-image"
      "bash"
      "bashLayeredUncompressed"
      "bashLayeredWithUser"
      "bashLayeredZstdCompressed"
      "bashNoTag"
      "bashNoTagLayered"
      "bashNoTagStreamLayered"
      "bashUncompressed"
      "bashZstdCompressed"
      "build-image-with-architecture"
      "build-image-with-path"
      "bulk-layer"
      "cross"
      "editors"
      "environmentVariables"
      "environmentVariablesLayered"
      "environmentVariablesParent"
      "etc"
      "exportBash"
      "filesInStore"
      "helloOnRoot"
      "helloOnRootNoStore"
      "helloOnRootNoStoreFakechroot"
      "image-with-certs"
      "imageViaFakeChroot"
      "layered-bulk-layer"
      "layered-image"
      "layered-image-with-architecture"
      "layered-image-with-path"
      "layered-on-top"
      "layered-on-top-layered"
      "layeredImageWithFakeRootCommands"
      "layeredStoreSymlink"
      "layersOrder"
      "layersUnpackOrder"
      "mergeVaryingCompressor"
      "mergedBashAndRedis"
      "mergedBashFakeRoot"
      "mergedBashNoTagAndRedis"
      "nginx"
      "nix"
      "nix-layered"
      "nix-shell-basic"
      "nix-shell-build-derivation"
      "nix-shell-command"
      "nix-shell-hook"
      "nix-shell-inputs"
      "nix-shell-nonexistent-home"
      "nix-shell-pass-as-file"
      "nix-shell-run"
      "nix-shell-writable-home"
      "nixFromDockerHub"
      "nixLayered"
      "no-store-paths"
      "onTopOfPulledImage"
      "prefixedImage"
      "prefixedLayeredImage"
      "redis"
      "runAsRootExtraCommands"
      "runAsRootParentImage"
      "testNixFromDockerHub"
      "two-layered-image"
      "unstableDate"
      "unstableDateLayered"
    ];
  };

  "the examples take other functions" = {
    expr = {
      inherit (dockerTools.examples.override { buildImage = arguments: "buildImage ${arguments.name}"; })
        bash
        ;
      inherit
        (dockerTools.examples.override { streamNixShellImage = arguments: "a shell for ${arguments.drv.name}"; })
        nix-shell-basic
        ;
    };
    expected = {
      bash = "buildImage bash";
      nix-shell-basic = "a shell for ${pkgs.hello.name}";
    };
  };

  "the tests are those that NixOS has of dockerTools" = {
    expr = testsWhere {
      docker-tools = "a test";
      docker-tools-overlay = "another test";
      nginx = "a test of something else";
    };
    expected = {
      docker-tools = "a test";
      docker-tools-overlay = "another test";
    };
  };

  "a package set without NixOS has no tests" = {
    expr = testsWhere { };
    expected = { };
  };
}
