# A program that writes an image archive to its standard output: a layer for the contents, and
# layers for the store paths they need, chosen so that images share them.
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
  platform,
  runCommand,
  stdenvNoCC,
  streamScript,
  writeText,
}:

lib.makeOverridable (
  {
    # The image name, registry prefix included.
    name,
    # Null stands for the hash of the description's output path.
    tag ? null,
    # The image to build on: an archive, as `docker save` or `buildLayeredImage` writes it, or an
    # OCI layout, as an archive or a directory.
    fromImage ? null,
    # A store path, or a list of them, whose files appear as links at the root of the image.
    contents ? [ ],
    # What the OCI image configuration calls `config`: command, environment, ports.
    config ? { },
    # The processor the image is for, in Go's words.
    architecture ? platform.architecture,
    # The variant of the processor; nothing is written when it is empty.
    variant ? platform.variant,
    # When the image was made: an RFC 3339 time, or `now`, which is when the program runs.
    created ? "1970-01-01T00:00:01Z",
    # The time of every file of the store, likewise.
    mtime ? "1970-01-01T00:00:01Z",
    # The owner of every file of the store. It does not apply to what scripts make.
    uid ? 0,
    # The group of every file of the store.
    gid ? 0,
    # The name of that owner.
    uname ? "root",
    # The name of that group.
    gname ? "root",
    # How many layers the image may have, those of `fromImage` included.
    maxLayers ? 100,
    # Bash that runs in the root of the topmost layer after the contents are there.
    extraCommands ? "",
    # Bash that runs there next, as root of fakeroot's making: owners, devices, modes.
    fakeRootCommands ? "",
    # Run `fakeRootCommands` with the topmost layer as `/`, by proot.
    enableFakechroot ? false,
    # Put the store paths that the image needs into it. Without them it runs only where
    # they are mounted.
    includeStorePaths ? true,
    # Give the image a Nix database that knows the closure of `contents` and of `config`.
    includeNixDB ? false,
    # Attributes of the result; those that we set ourselves win.
    passthru ? { },
    # The `meta` of the derivation.
    meta ? { },
    # Steps that choose the layers, as a list or as a file with one as JSON. `maxLayers` does
    # not apply then.
    layeringPipeline ? null,
    # Explain in the log why the layers are what they are.
    debug ? false,
  }:

  assert lib.assertMsg (layeringPipeline == null -> maxLayers > 1)
    "the maxLayers argument of dockerTools.buildLayeredImage function must be greather than 1 (current value: ${toString maxLayers})";
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
        lib.optionalString includeNixDB (mkDbExtraCommand { inherit contents config baseJson; })
        + extraCommands;
    };

    conf = mkDescription {
      inherit
        name
        tag
        baseJson
        customisationLayer
        fromImage
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
  in
  checkReference { inherit name tag; } runCommand "stream-${baseName}"
    {
      inherit conf streamScript meta;
      inherit (conf) imageName;
      preferLocalBuild = true;

      passthru = passthru // {
        inherit (conf) imageTag;
        inherit conf streamScript;
        # An image that is a program and not an archive.
        isExe = true;
      };
    }
    # It runs where images are built, as `builder` does.
    ''
      printf '#!%s\nexec %s stream %s "$@"\n' ${buildPackages.runtimeShell} ${lib.getExe builder} $conf > $out
      chmod +x $out
    ''
)
