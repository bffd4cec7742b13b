# Trivial builders, and what stands for Rust and for `dockerTools`.
{
  pkgs,
  again,
  lib,
}:

let
  inherit (pkgs) runCommand;
  old = again { config.oldReferences = true; };
in
{
  "writeClosure and writeReferencesToFile list the closure".build = runCommand "closures" { } ''
    cmp ${pkgs.writeClosure [ pkgs.jq ]} ${old.writeReferencesToFile pkgs.jq}
    sort -c ${pkgs.writeClosure [ pkgs.jq ]}
    grep -e '-libonig5-' ${pkgs.writeClosure [ pkgs.jq ]}
    touch $out
  '';

  "a set has one of writeClosure and writeReferencesToFile" = {
    expr = [
      (old ? writeClosure)
      (old ? writeReferencesToFile)
      (pkgs ? writeClosure)
    ];
    expected = [
      false
      true
      true
    ];
  };

  "closureInfo can be loaded into a database".build =
    let
      info = pkgs.closureInfo { rootPaths = [ pkgs.jq ]; };
    in
    runCommand "database" { nativeBuildInputs = [ pkgs.nix ]; } ''
      export NIX_REMOTE="local?root=$PWD/root" USER=nobody
      nix-store --load-db < ${info}/registration
      nix-store -q --references ${pkgs.jq} | grep libc6
      [ "$(wc -l < ${info}/store-paths)" -ge 4 ]
      (($(< ${info}/total-nar-size) > 1000000))
      [ "$(cat ${pkgs.closureInfo { rootPaths = [ ]; }}/total-nar-size)" = 0 ]
      touch $out
    '';

  "symlinkJoin joins directories".build = pkgs.symlinkJoin {
    name = "joined";
    paths = [
      pkgs.jq
      pkgs.jshon
      pkgs.fakeNss
    ];
    postBuild = ''
      [ ! -L $out/bin ]
      [ -L $out/bin/jq ]
      [ -L $out/bin/jshon ]
      grep nobody $out/etc/passwd
      [ -d $out/var/empty ]
    '';
  };

  "buildEnv links what pathsToLink names".build = pkgs.buildEnv {
    name = "environment";
    paths = [
      pkgs.jq
      pkgs.jshon
      pkgs.fakeNss
    ];
    pathsToLink = [
      "/bin"
      "/etc/passwd"
    ];
    extraPrefix = "/usr";
    postBuild = ''
      [ "$(echo $out/*)" = $out/usr ]
      [ "$(cd $out/usr && echo * etc/*)" = "bin etc etc/passwd" ]
      [ -L $out/usr/bin/jq ]
      [ -L $out/usr/bin/jshon ]
    '';
  };

  "buildEnv links a directory that one package has".build = pkgs.buildEnv {
    name = "environment";
    paths = [ pkgs.jq ];
    postBuild = "[ -L $out/bin ]";
  };

  "buildEnv refuses two files of one name" = {
    fail = pkgs.buildEnv {
      name = "environment";
      paths = [
        (pkgs.writeTextDir "f" "1")
        (pkgs.writeTextDir "f" "2")
      ];
    };
    message = "conflicting subpath";
  };

  "linkFarm links by name".build = runCommand "farm" { } ''
    cd ${
      pkgs.linkFarm "farm" {
        a = pkgs.jq;
        "b/c" = pkgs.bash;
      }
    }
    [ -x a/bin/jq ]
    [ -x b/c/bin/sh ]
    touch $out
  '';

  "writers make files and programs".build = runCommand "writers" { } ''
    [ "$(cat ${pkgs.writeText "t" "text"})" = text ]
    [ "$(cat ${pkgs.writeTextDir "d/t" "text"}/d/t)" = text ]
    [ "$(${pkgs.writeShellScript "s" "echo script"})" = script ]
    [ "$(${lib.getExe (pkgs.writeShellScriptBin "b" "echo bin")})" = bin ]
    [ "$(${
      lib.getExe (
        pkgs.writeShellApplication {
          name = "application";
          runtimeInputs = [ pkgs.jq ];
          text = "jq -nc 1";
        }
      )
    })" = 1 ]
    [ "$(cat ${pkgs.concatText "c" [ (pkgs.writeText "a" "1") (pkgs.writeText "b" "2") ]})" = 12 ]
    touch $out
  '';

  "makeWrapper sets the surroundings of a program".build =
    runCommand "wrapper" { nativeBuildInputs = [ pkgs.makeWrapper ]; } ''
      makeWrapper ${pkgs.writeShellScript "p" ''echo "$A $@"''} w --set A "x y" --add-flags "-f 1"
      [ "$(./w last)" = "x y -f 1 last" ]
      touch $out
    '';

  "mkShell hands attributes on to the derivation".build =
    runCommand "shell" { inherit (pkgs.mkShell { word = "handed on"; }) word; } ''
      [ "$word" = "handed on" ]
      touch $out
    '';

  "a fetcher has another name when it fetches in another way" = {
    expr =
      let
        fetcher =
          how:
          { name }:
          runCommand name { outputHash = lib.fakeHash; } how;
        nameOf =
          how: (pkgs.testers.invalidateFetcherByDrvHash (fetcher how) { name = "fetched"; }).name;
      in
      [
        (nameOf "one way" == nameOf "one way")
        (nameOf "one way" == nameOf "another way")
      ];
    expected = [
      true
      false
    ];
  };

  "hello is built by stdenv, and a static busybox names itself only".build =
    runCommand "small-programs" { } ''
      [ "$(${lib.getExe pkgs.hello})" = "Hello, world!" ]
      [ "$(cat ${pkgs.writeDirectReferencesToFile pkgs.pkgsStatic.busybox})" = ${pkgs.pkgsStatic.busybox} ]
      [ "$(${pkgs.pkgsStatic.busybox}/bin/echo word)" = word ]
      touch $out
    '';

  "rustPlatform installs the program that was built before".build =
    let
      set = again { builderBinary = ../check; };
      package = set.rustPlatform.buildRustPackage {
        pname = "any";
        version = "1";
        meta.mainProgram = "builder";
      };
    in
    runCommand "rust" { } ''
      cmp ${lib.getExe package} ${../check}
      touch $out
    '';

  "rustPlatform says how to make what is missing" = {
    fail = (again { builderBinary = /no/such/file; }).rustPlatform.buildRustPackage {
      pname = "any";
      version = "1";
    };
    message = "make builder";
  };

  "small parts of dockerTools lead to files".build = pkgs.symlinkJoin {
    name = "parts";
    paths = [
      pkgs.dockerTools.binSh
      pkgs.dockerTools.usrBinEnv
      pkgs.dockerTools.caCertificates
    ];
    postBuild = ''
      [ -x $out/bin/sh ]
      [ -x $out/usr/bin/env ]
      grep -m 1 BEGIN $out/etc/ssl/certs/ca-bundle.crt
    '';
  };

  "functions that make images say that they are missing" = {
    fail = pkgs.dockerTools.buildImage { };
    message = "needs nixpkgs' dockerTools";
  };
}
