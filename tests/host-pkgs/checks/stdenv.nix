# `mkDerivation` and the shell environment of a build.
{ pkgs, lib, ... }:

let
  inherit (pkgs) runCommand stdenvNoCC;

  inBothModes =
    check:
    check {
      mode = "classic";
      attrs = { };
    }
    // check {
      mode = "structured";
      attrs.__structuredAttrs = true;
    };
in
inBothModes (
  { mode, attrs }:
  {
    "${mode}: a failing command ends the build with its status" = {
      fail = runCommand "failing" attrs ''
        (exit 7)
        touch $out
      '';
      message = "failed with exit code 7";
    };

    "${mode}: a failing part of a pipe ends the build" = {
      fail = runCommand "failing" attrs "(exit 9) | cat > $out";
      message = "failed with exit code 9";
    };

    "${mode}: another shell of the build can source setup".build =
      runCommand "again" (attrs // { nativeBuildInputs = [ pkgs.fakeroot pkgs.jq ]; }) ''
        export stdenv
        fakeroot bash -e -c '
          if [ -e "$NIX_ATTRS_SH_FILE" ]; then . "$NIX_ATTRS_SH_FILE"; fi
          source $stdenv/setup
          [ "$(type -t substitute)" = function ]
          [ "$(type -t jq)" = file ]
        '
        touch $out
      '';

    "${mode}: options, times and places are those of a build".build = runCommand "options" attrs ''
      echo "$not_set"
      [[ -o errexit && -o pipefail && ! -o nounset ]]
      shopt -q nullglob
      shopt -q inherit_errexit
      [ "$SOURCE_DATE_EPOCH" = 315532800 ]
      [ "$HOME" = /homeless-shelter ]
      [ "$(umask)" = 0022 ]
      ((NIX_BUILD_CORES > 0))
      [ -e "$stdenv/setup" ]
      printenv out
      touch $out
    '';
  }
)
// {
  "attributes are environment variables in classic mode".build =
    runCommand "classic"
      {
        word = "a b";
        list = [
          1
          "x"
        ];
        yes = true;
        gone = null;
        env.E = "e";
      }
      ''
        [ "$(printenv word)|$(printenv list)|$(printenv yes)|$(printenv E)" = "a b|1 x|1|e" ]
        [ -z "''${gone+set}" ]
        touch $out
      '';

  "attributes are shell variables in structured mode".build =
    runCommand "structured"
      {
        __structuredAttrs = true;
        list = [
          "a b"
          "c"
        ];
        set.k = "v";
        gone = null;
        env.E = "e";
        outputs = [
          "out"
          "doc"
        ];
      }
      ''
        [ "''${list[0]}|''${#list[@]}|''${set[k]}|$(printenv E)" = "a b|2|v|e" ]
        [ -z "''${gone+set}" ]
        ! printenv list
        [ "$(printenv out)" = "''${outputs[out]}" ]
        touch $out $doc
      '';

  "the failure hook runs" = {
    fail = runCommand "failing" { failureHook = "echo the hook ran"; } "exit 3";
    message = "the hook ran";
  };

  "the phases run in order, with their hooks".build = pkgs.stdenv.mkDerivation (finalAttrs: {
    pname = "phases";
    version = "1";
    src = pkgs.writeTextDir "Makefile" "install:\n\tcp made $(prefix)\n";
    postUnpack = "echo unpacked > $NIX_BUILD_TOP/log";
    preBuild = "echo built >> $NIX_BUILD_TOP/log";
    buildPhase = ''
      runHook preBuild
      cp $NIX_BUILD_TOP/log made
      runHook postBuild
    '';
    postInstall = "echo ${finalAttrs.version} >> $out";
    doInstallCheck = true;
    installCheckPhase = ''
      [ "$(tr '\n' ' ' < $out)" = "unpacked built 1 " ]
    '';
  });

  "texts and first lines are changed in place".build = runCommand "substitute" { } ''
    printf '#!/usr/bin/env bash\nx @a@ &\n' > f
    chmod +x f
    a='1 & 2' substituteInPlace f --subst-var a --replace-fail x y
    patchShebangs f
    [ "$(sed -n 1p f)" = "#!${pkgs.bash}/bin/bash" ]
    [ "$(sed -n 2p f)" = 'y 1 & 2 &' ]
    [ -x f ]
    touch $out
  '';

  "--replace-fail fails where nothing matches" = {
    fail = runCommand "substitute" { } ''
      echo a > f
      substituteInPlace f --replace-fail b c
      touch $out
    '';
    message = "pattern b doesn't match";
  };

  "realBuilder is started with args and reads structured attributes".build =
    let
      made = stdenvNoCC.mkDerivation {
        name = "real";
        __structuredAttrs = true;
        image.name = "n";
        realBuilder = "${pkgs.busybox}/bin/busybox";
        args = [
          "sh"
          "-c"
          ''cp .attrs.json "$(sed 's/.*"outputs":{"out":"\([^"]*\)".*/\1/' .attrs.json)"''
        ];
      };
    in
    runCommand "real" { nativeBuildInputs = [ pkgs.jq ]; } ''
      [ "$(jq -r '.image.name + " " + .stdenv' ${made})" = "n ${pkgs.stdenvNoCC}" ]
      touch $out
    '';

  "overrideAttrs reaches the final attributes" =
    let
      first = stdenvNoCC.mkDerivation (finalAttrs: {
        pname = "p";
        version = "1";
        passthru = {
          v = finalAttrs.version;
          own = finalAttrs.finalPackage.name;
        };
      });
      second = first.overrideAttrs (old: { version = old.version + "1"; });
      third = second.overrideAttrs (final: prev: { pname = "r${prev.version}"; });
      fourth = third.overrideAttrs { version = "3"; };
    in
    {
      expr = [
        second.name
        second.v
        second.own
        third.name
        fourth.meta.name
        (first ? override)
      ];
      expected = [
        "p-11"
        "11"
        "p-11"
        "r11-11"
        "r11-3"
        false
      ];
    };

  "passthru and meta do not change the derivation" = {
    expr =
      (runCommand "a" { } "").drvPath == (runCommand "a" {
        passthru.x = 1;
        meta.description = "d";
      } "").drvPath;
    expected = true;
  };

  "every output has what the package has" =
    let
      package = runCommand "p" {
        outputs = [
          "out"
          "bin"
        ];
        passthru.x = 1;
      } "";
    in
    {
      expr = [
        package.bin.x
        package.bin.outputName
        (lib.getBin package).outputName
        package.outputName
      ];
      expected = [
        1
        "bin"
        "bin"
        "out"
      ];
    };
}
