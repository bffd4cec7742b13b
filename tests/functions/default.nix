# What the smaller functions build, by real Nix: a sentence -> a derivation that fails unless it is so.
let
  pkgs = import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; };
  inherit (pkgs)
    dockerTools
    lib
    runCommand
    writeTextDir
    ;

  programs = [
    pkgs.jq
    pkgs.file
  ];
  configuration = [
    (writeTextDir "etc/a" "a")
    (writeTextDir "etc/b" "b")
    (writeTextDir "etc/a" "another a")
  ];

  # As nixpkgs copies what lies in different directories, which is all that it can in a build.
  copied =
    derivations:
    runCommand "copied" { } ''
      mkdir $out
      for derivation in ${toString derivations}; do
        cp -drf --preserve=mode -f $derivation/* $out/
      done
    '';

  archive =
    name: pack: root:
    runCommand name { nativeBuildInputs = [ pkgs.zstd ]; } ''
      tar -C ${root} -c . | ${pack} > $out
    '';
in
{
  "different directories merge as by nixpkgs' shell" =
    let
      derivations = [
        pkgs.bash
        (writeTextDir "etc/a" "a")
        (writeTextDir ".hidden" "")
      ];
    in
    runCommand "same" { } ''
      list() { (cd $1; find . -printf '%M %p %l\n' | sort); }
      diff --recursive --no-dereference ${copied (lib.take 2 derivations)} ${dockerTools.mergeDrvs { inherit derivations; }}
      diff <(list ${copied (lib.take 2 derivations)}) <(list ${dockerTools.mergeDrvs { inherit derivations; }})
      touch $out
    '';

  "directories of one name merge, and the later file wins" = runCommand "merged" { } ''
    cd ${dockerTools.mergeDrvs { derivations = programs ++ configuration; }}
    bin/jq --version
    bin/file --version
    [ "$(cat etc/a etc/b)" = "another ab" ]
    touch $out
  '';

  "archives are unpacked" =
    let
      merged = dockerTools.mergeDrvs {
        derivations = [
          (archive "plain.tar" "cat" (writeTextDir "etc/a" "a"))
          (writeTextDir "etc/b" "b")
          (archive "packed.tar.gz" "gzip" (writeTextDir "etc/c" "c"))
          (archive "packed.tar.xz" "xz" (writeTextDir "etc/d" "d"))
          (archive "packed.tar.zst" "zstd" (writeTextDir "etc/a" "later a"))
        ];
      };
    in
    runCommand "unpacked" { } ''
      [ "$(cd ${merged}; find . -type f | sort | xargs cat)" = "later abcd" ]
      touch $out
    '';

  "a layer is unpacked" =
    let
      layer =
        (dockerTools.buildImage {
          name = "x";
          copyToRoot = pkgs.jq;
        }).layer;
      merged = dockerTools.mergeDrvs {
        derivations = [ (runCommand "layer.tar" { } "cp ${layer}/layer.tar $out") ];
      };
    in
    runCommand "unpacked" { } ''
      ${merged}/bin/jq --version
      diff --recursive --no-dereference ${pkgs.jq} ${merged}
      touch $out
    '';

  "with `onlyDeps` the paths are all there is" =
    runCommand "paths"
      {
        derivations = programs;
        merged = dockerTools.mergeDrvs {
          derivations = programs;
          onlyDeps = true;
        };
      }
      ''
        echo $derivations > expected
        cmp expected $merged
        touch $out
      '';

  "the program comes with pages of the manual and completions" =
    runCommand "installed"
      {
        program = (pkgs.callPackage ../../nix { }).builder;
      }
      ''
        cd $program/share
        grep -q verify man/man1/builder.1
        for command in image stream verify inspect; do [ -s man/man1/builder-$command.1 ]; done
        grep -q _builder bash-completion/completions/builder.bash
        grep -q "complete -c builder" fish/vendor_completions.d/builder.fish
        grep -q "#compdef builder" zsh/site-functions/_builder
        bash -n bash-completion/completions/builder.bash
        touch $out
      '';

  "`tarsum` prints the sum that the layer's json has" =
    let
      layer =
        (dockerTools.buildImage {
          name = "x";
          copyToRoot = pkgs.jq;
        }).layer;
    in
    runCommand "summed"
      {
        nativeBuildInputs = [
          dockerTools.tarsum
          pkgs.jq
        ];
      }
      ''
        [ "$(tarsum < ${layer}/layer.tar)" = "$(jq -r .checksum ${layer}/json)" ]
        touch $out
      '';
}
