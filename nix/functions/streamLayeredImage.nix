# Gives a program that writes an image archive to its standard output. The image has a layer for the
# contents, and layers for the store paths that they need, which are chosen so that images share
# them.
{
  buildPackages,
  builder,
  checkConfig,
  checkReference,
  checkTime,
  lib,
  mkCustomisationLayer,
  mkDbExtraCommand,
  mkDescription,
  mkSplitLayers,
  ociLayout,
  platform,
  runCommand,
  stdenvNoCC,
  streamScript,
  writeText,
}:

lib.makeOverridable (
  {
    # The name of the image, with the prefix of its registry if it has one.
    name,
    # The tag of the image. Null stands for the hash part of the description's output path.
    tag ? null,
    # The base image: an archive as `docker save` or `buildLayeredImage` writes it, or an OCI layout
    # as an archive or a directory. Null stands for no base image.
    fromImage ? null,
    # A store path, or a list of store paths, whose files appear as symlinks at the root of the
    # image.
    contents ? [ ],
    # The `config` of the OCI image configuration, with the command, the environment, the ports and
    # so on.
    config ? { },
    # The architecture that the image is for, by its name in Go's GOARCH, such as `amd64`.
    architecture ? platform.architecture,
    # The variant of the architecture, such as `v7`. The configuration has none if this is empty.
    variant ? platform.variant,
    # The creation time of the image: an RFC 3339 time, or `now`, which is when the program runs.
    created ? "1970-01-01T00:00:01Z",
    # The modification time of every file from the store: an RFC 3339 time, or `now`.
    mtime ? "1970-01-01T00:00:01Z",
    # The owner of every file from the store. It has no effect on files that scripts make.
    uid ? 0,
    # The group of every file from the store.
    gid ? 0,
    # The name of the owner.
    uname ? "root",
    # The name of the group.
    gname ? "root",
    # The number of layers that the image may have, including those of `fromImage`.
    maxLayers ? 100,
    # A Bash script that runs in the root directory of the topmost layer, after the contents are in
    # place.
    extraCommands ? "",
    # A Bash script that runs there next, under fakeroot. It can set owners and modes, and make
    # devices.
    fakeRootCommands ? "",
    # Whether `fakeRootCommands` runs under proot, with the topmost layer as `/`.
    enableFakechroot ? false,
    # Whether the image contains the store paths that it needs. Without them, it runs only where
    # they are mounted.
    includeStorePaths ? true,
    # Whether the image gets a Nix database, which lists the closure of `contents` and of `config`.
    includeNixDB ? false,
    # Layers that `buildLayer` made, lowest first. They are above those of `fromImage`, and what is in
    # them is in no other layer. nixpkgs does not have this argument.
    layers ? [ ],
    # Whether each automatic layer is a derivation of its own, packed with `gz`, or with the compressor
    # that stands here. A change of one store path then makes one layer again. This imports from a
    # derivation. nixpkgs does not have this argument.
    split ? false,
    # Attributes to add to the result, unless we set them ourselves.
    passthru ? { },
    # The `meta` attributes of the derivation.
    meta ? { },
    # The steps that choose the layers, as a list or as a JSON file with a list. If they are given,
    # `maxLayers` has no effect.
    layeringPipeline ? null,
    # Whether the log explains how the layers were chosen.
    debug ? false,
  }:

  assert lib.assertMsg (layeringPipeline == null -> maxLayers > 1)
    "the maxLayers argument of dockerTools.buildLayeredImage function must be greather than 1 (current value: ${toString maxLayers})";
  assert lib.assertMsg (lib.elem split [
    false
    true
    "none"
    "gz"
    "zstd"
  ]) "in docker image ${name}: `split` is a boolean, or the compressor of the layers: none, gz or zstd";
  assert lib.assertMsg (enableFakechroot -> !stdenvNoCC.hostPlatform.isDarwin) ''
    cannot use `enableFakechroot` because `proot` is not portable to Darwin. Workarounds:
          - use `fakeRootCommands` with the restricted `fakeroot` environment
          - cross-compile your packages
          - run your packages in a virtual machine
          Discussion: https://github.com/NixOS/nixpkgs/issues/327311'';

  let
    baseName = baseNameOf name;

    baseJson = writeText "${baseName}-base.json" (
      builtins.toJSON (
        {
          inherit architecture;
          config = checkConfig { inherit name config; };
          os = "linux";
        }
        // lib.optionalAttrs (variant != "") { inherit variant; }
      )
    );

    customisationLayer = mkCustomisationLayer {
      inherit
        baseName
        contents
        fakeRootCommands
        enableFakechroot
        ;
      extraCommands =
        lib.optionalString includeNixDB (mkDbExtraCommand {
          contents = [ contents ] ++ map (layer: layer.storePaths) layers;
          inherit config baseJson;
        })
        + extraCommands;
    };

    description = {
      inherit
        name
        tag
        baseJson
        customisationLayer
        fromImage
        layers
        uid
        gid
        uname
        gname
        maxLayers
        layeringPipeline
        includeStorePaths
        debug
        ;
      created = checkTime {
        inherit name;
        argument = "created";
        value = created;
      };
      mtime = checkTime {
        inherit name;
        argument = "mtime";
        value = mtime;
      };
    };

    splitLayers = mkSplitLayers {
      inherit description;
      compressor = if split == true then "gz" else split;
    };

    # When it is split, every store path is in a layer of its own derivation already.
    conf = mkDescription (
      description
      // lib.optionalAttrs (split != false && includeStorePaths) {
        layers = layers ++ splitLayers;
        includeStorePaths = false;
        layeringPipeline = null;
        # The layers have been counted, and need room for no further one.
        maxLayers = maxLayers + lib.length splitLayers + 1;
      }
    );
  in
  checkReference { inherit name tag; } runCommand "stream-${baseName}"
    {
      inherit conf streamScript meta;
      inherit (conf) imageName;
      preferLocalBuild = true;

      passthru = passthru // {
        inherit (conf) imageTag;
        inherit conf streamScript;
        layout = ociLayout {
          image = {
            inherit conf meta;
            inherit (conf) imageName imageTag;
          };
        };
        # This image is a program, and not an archive.
        isExe = true;
      };
    }
    # The script runs on the platform that images are built on, as `builder` does.
    ''
      printf '#!%s\nexec %s stream %s "$@"\n' ${buildPackages.runtimeShell} ${lib.getExe builder} $conf > $out
      chmod +x $out
    ''
)
