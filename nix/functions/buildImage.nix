# An image archive with one layer more than the image it builds on.
{
  checkConfig,
  checkReference,
  checkTime,
  compressorExtension,
  hashPart,
  lib,
  mkBaseJson,
  mkBuilderDerivation,
  mkDbExtraCommand,
  mkLayerClosure,
  mkPureLayer,
  mkRootLayer,
  platform,
}:

lib.makeOverridable (
  arguments@{
    # The image name, registry prefix included.
    name,
    # Null stands for the hash of the output path.
    tag ? null,
    # The image to build on: an archive, as `docker save` or `buildImage` writes it, or an OCI
    # layout, as an archive or a directory.
    fromImage ? null,
    # Which image of `fromImage`; null stands for the first.
    fromImageName ? null,
    # The tag of the image of `fromImage`; null stands for the first image.
    fromImageTag ? null,
    # A store path, or a list of them, whose contents appear at the root of the image.
    copyToRoot ? null,
    # Keep a symlink to a directory when a later item has that directory too. Otherwise
    # such symlinks become directories.
    keepContentsDirlinks ? false,
    # What the OCI image configuration calls `config`: command, environment, ports.
    config ? null,
    # The processor the image is for, in Go's words.
    architecture ? platform.architecture,
    # The variant of the processor; nothing is written when it is empty.
    variant ? platform.variant,
    # Bash that runs in the root of the layer after the contents are there.
    extraCommands ? "",
    # The owner of everything in the layer, as a number or a name.
    uid ? 0,
    # The group of everything in the layer, as a number or a name.
    gid ? 0,
    # Bash that runs as root in the image, in a virtual machine. `uid` and `gid` do not
    # apply then.
    runAsRoot ? null,
    # The size of the virtual machine's disk, in MiB.
    diskSize ? 1024,
    # The memory of the virtual machine, in MiB.
    buildVMMemorySize ? 512,
    # An RFC 3339 time, or `now`, which makes the image irreproducible.
    created ? "1970-01-01T00:00:01Z",
    # One of `none`, `gz` and `zstd`.
    compressor ? "gz",
    # Give the image a Nix database that knows the closure of `copyToRoot` and of `config`.
    includeNixDB ? false,
    # Deprecated: the old name of `copyToRoot`.
    contents ? null,
    # The `meta` of the derivation.
    meta ? { },
  }:

  let
    checked =
      lib.throwIf (contents != null && copyToRoot != null)
        "in docker image ${name}: You can not specify both contents and copyToRoot."
        lib.throwIf
        (tag == "")
        "buildImage: `tag` of image `${name}` is the empty string; leave it out to use the hash of the output path."
        lib.warnIf
        (contents != null)
        "in docker image ${name}: The contents parameter is deprecated. Change to copyToRoot, and join several packages by `buildEnv` first if their files are to be in one /bin.";

    baseName = baseNameOf name;
    rootContents = if copyToRoot == null then contents else copyToRoot;

    baseJson = mkBaseJson {
      inherit baseName architecture variant;
      config = checkConfig { inherit name config; };
      created = checkTime {
        inherit name;
        argument = "created";
        value = created;
      };
    };

    layerArguments = {
      name = baseName;
      inherit baseJson keepContentsDirlinks;
      copyToRoot = rootContents;
      extraCommands =
        lib.optionalString includeNixDB (mkDbExtraCommand {
          contents = rootContents;
          inherit config baseJson;
        })
        + extraCommands;
    };

    pureLayer = mkPureLayer (layerArguments // { inherit uid gid; });

    rootLayer = mkRootLayer (
      layerArguments
      // {
        inherit
          fromImage
          fromImageName
          fromImageTag
          runAsRoot
          diskSize
          buildVMMemorySize
          ;
      }
    );

    layer = if runAsRoot == null then pureLayer else rootLayer;
  in
  checked (checkReference { inherit name tag; }) (mkBuilderDerivation {
    command = "image";
    attributes =
      finalAttrs:
      let
        finalTag = if finalAttrs.imageTag == "" then null else finalAttrs.imageTag;
      in
      {
        name = "docker-image-${baseName}.tar${compressorExtension { inherit name compressor; }}";

        # `overrideAttrs` changes them here.
        imageName = lib.toLower name;
        imageTag = lib.optionalString (tag != null) tag;
        inherit fromImage baseJson;
        layerClosure = mkLayerClosure layer;

        image = {
          name = finalAttrs.imageName;
          tag = finalTag;
          baseJson = "${finalAttrs.baseJson}";
          layer = "${layer}";
          layerClosure = "${finalAttrs.layerClosure}";
          fromImage = if finalAttrs.fromImage == null then null else "${finalAttrs.fromImage}";
          inherit fromImageName fromImageTag compressor;
        };

        passthru = {
          buildArgs = arguments;
          inherit layer;
          imageTag = if finalTag != null then finalTag else hashPart finalAttrs.finalPackage;
        };

        inherit meta;
      };
  })
)
