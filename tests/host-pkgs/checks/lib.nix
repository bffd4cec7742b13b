# `lib`, overlays, other platforms.
{
  pkgs,
  again,
  lib,
}:

{
  "makeOverridable calls again with other arguments" =
    let
      f = lib.makeOverridable ({ a, b ? 2 }: { sum = a + b; });
      x = f { a = 1; };
    in
    {
      expr = [
        x.sum
        (x.override { b = 5; }).sum
        ((x.override (old: { a = old.a + 1; })).override { b = 0; }).sum
        (lib.functionArgs f)
        (lib.functionArgs x.override)
      ];
      expected = [
        3
        6
        2
        {
          a = false;
          b = true;
        }
        {
          a = false;
          b = true;
        }
      ];
    };

  "override and overrideAttrs keep each other" =
    let
      f = lib.makeOverridable (
        { suffix }:
        pkgs.stdenvNoCC.mkDerivation {
          pname = "p${suffix}";
          version = "1";
        }
      );
      changed = ((f { suffix = "a"; }).overrideAttrs { version = "2"; }).override { suffix = "b"; };
    in
    {
      expr = changed.name;
      expected = "pb-2";
    };

  "the packages of a scope see each other through overrideScope" =
    let
      scope = lib.makeScope pkgs.newScope (self: {
        a = 1;
        b = self.callPackage ({ a, lib }: { inherit a; }) { };
      });
    in
    {
      expr = [
        scope.b.a
        (scope.overrideScope (_: _: { a = 2; })).b.a
      ];
      expected = [
        1
        2
      ];
    };

  "a missing argument is named" = {
    fail = pkgs.callPackage ({ noSuchPackage }: noSuchPackage) { };
    message = "noSuchPackage";
  };

  "an overlay sees the final and the previous set" =
    let
      set = again {
        overlays = [
          (final: prev: {
            one = final.two;
            dockerTools = prev.dockerTools // { x = 1; };
          })
          (_: _: { two = 2; })
        ];
      };
    in
    {
      expr = [
        set.one
        set.dockerTools.x
        (set.dockerTools ? pullImage)
        (set.extend (_: _: { two = 3; })).one
      ];
      expected = [
        2
        1
        true
        3
      ];
    };

  "shell words are quoted where needed" = {
    expr = lib.escapeShellArgs [
      "a-b"
      "c d"
      "e'f"
      ""
    ];
    expected = "a-b 'c d' 'e'\\''f' ''";
  };

  "strings keep their context when split" = {
    expr = map builtins.hasContext (lib.splitString "-" "${pkgs.jq}");
    expected = map (_: true) (lib.splitString "-" "${pkgs.jq}");
  };

  "a file set brings its files and no empty directories".build =
    let
      source = lib.fileset.toSource {
        root = ../.;
        fileset = lib.fileset.difference (lib.fileset.unions [
          ../lib
          ../flake.nix
          (lib.fileset.maybeMissing ../no-such-file)
        ]) ../lib/meta.nix;
      };
    in
    pkgs.runCommand "fileset" { } ''
      cd ${source}
      [ "$(echo *)" = "flake.nix lib" ]
      [ -e lib/lists.nix ]
      [ ! -e lib/meta.nix ]
      touch $out
    '';

  "hashes of any kind become outputHash" = {
    expr = lib.fetchers.withNormalizedHash { } (args: args) {
      sha256 = "x";
      n = 1;
    };
    expected = {
      outputHash = "x";
      outputHashAlgo = "sha256";
      n = 1;
    };
  };

  "another platform changes names, not programs" =
    let
      cross = pkgs.pkgsCross.aarch64-multiplatform;
    in
    {
      expr = [
        cross.go.GOARCH
        cross.stdenv.hostPlatform.system
        cross.buildPackages.stdenv.hostPlatform.system
        (cross.jq.drvPath == pkgs.jq.drvPath)
      ];
      expected = [
        "arm64"
        "aarch64-linux"
        pkgs.stdenv.buildPlatform.system
        true
      ];
    };
}
