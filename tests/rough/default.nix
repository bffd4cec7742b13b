# What `run` interrupts: one derivation for each way in which `builder` writes an output.
{
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
  # Something new each time, for what must not come from an earlier build.
  nonce ? "",
}:

let
  inherit (pkgs) dockerTools lib;
  inherit (dockerTools) buildImage;

  base = buildImage {
    name = "base";
    tag = "1";
    copyToRoot = pkgs.bash;
  };

  # Another program's gzip, with the layers and all else in the opposite order, so that nothing can
  # leave it as it comes.
  shuffled = pkgs.runCommand "shuffled.tar.gz" { nativeBuildInputs = [ pkgs.jq ]; } ''
    mkdir members && tar -xf ${child base "none"} -C members && cd members
    { jq -r '.[0].Layers | reverse[]' manifest.json; find * -type f | sort -r; } |
      awk '!seen[$0]++' | tar -c --mtime=@0 -T - | gzip -n -1 > $out
  '';

  child =
    fromImage: compressor:
    buildImage {
      name = "child";
      tag = "1";
      inherit fromImage compressor;
      copyToRoot = pkgs.gzip;
    };

  layered =
    fromImage:
    dockerTools.buildLayeredImage {
      name = "layered";
      tag = "1";
      inherit fromImage;
      contents = pkgs.gzip;
    };

  outputs = {
    "a plain image" = child null "none";
    "a gzip image" = child null "gz";
    "a zstd image" = child null "zstd";
    "an image on another" = child base "none";
    "an image on a shuffled one" = child shuffled "none";
    "merged images" = dockerTools.mergeImages [
      base
      (child null "none")
    ];
    "a layered image" = layered null;
    "a layered image on a shuffled one" = layered shuffled;
    "a layer" = base.layer;
    "a layer with a script" =
      (buildImage {
        name = "script";
        copyToRoot = pkgs.bash;
        extraCommands = "cp bin/bash copy";
      }).layer;
    "a description" = (layered shuffled).conf;
    "an exported image" = dockerTools.exportImage { fromImage = base; };
    "merged derivations" = dockerTools.mergeDrvs {
      derivations = [
        pkgs.bash
        shuffled
      ];
    };
  };

  # What Nix hands to the builder, for builds without Nix.
  handed =
    drv:
    drv.overrideAttrs (_: {
      realBuilder = pkgs.stdenvNoCC.shell;
      args = [
        "-c"
        ''. $NIX_BUILD_TOP/.attrs.sh; printf %s "$(< $NIX_BUILD_TOP/.attrs.json)" > ''${outputs[out]}''
      ];
    });

  describe = drv: {
    inherit (drv.drvAttrs) args;
    attributes = (handed drv).drvPath;
  };
in
{
  jobs = lib.mapAttrs (_: describe) outputs;

  # The same again and again, under names that the store has not yet.
  fresh = lib.mapAttrs (
    name: drv:
    lib.genList (
      number:
      let
        renamed = drv.overrideAttrs (_: {
          name = "rough-${nonce}-${builtins.replaceStrings [ " " ] [ "-" ] name}-${toString number}";
        });
      in
      {
        drv = renamed.drvPath;
        out = renamed.outPath;
      }
    ) 8
  ) {
    inherit (outputs)
      "a gzip image"
      "a layer with a script"
      "an image on a shuffled one"
      "merged derivations"
      ;
  };
}
