# Gives an image archive with one layer more than its base image.
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
  ociLayout,
  platform,
}:

lib.makeOverridable (
  arguments@{
    # The name of the image, with the prefix of its registry if it has one.
    name,
    # The tag of the image. Null stands for the hash part of the output path.
    tag ? null,
    # The base image: an archive as `docker save` or `buildImage` writes it, or an OCI layout as an
    # archive or a directory. Null stands for no base image.
    fromImage ? null,
    # The name of the image to take from `fromImage`. Null stands for the first image.
    fromImageName ? null,
    # The tag of the image to take from `fromImage`. Null stands for the first image.
    fromImageTag ? null,
    # A store path, or a list of store paths, whose contents appear at the root of the image.
    copyToRoot ? null,
    # Whether a symlink to a directory is kept when a later item has a directory in its place.
    # Otherwise such symlinks become directories.
    keepContentsDirlinks ? false,
    # The `config` of the OCI image configuration, with the command, the environment, the ports and
    # so on.
    config ? null,
    # The architecture that the image is for, by its name in Go's GOARCH, such as `amd64`.
    architecture ? platform.architecture,
    # The variant of the architecture, such as `v7`. The configuration has none if this is empty.
    variant ? platform.variant,
    # A Bash script that runs in the root directory of the layer, after the contents are in place.
    extraCommands ? "",
    # The owner of everything in the layer, as a number or as a name.
    uid ? 0,
    # The group of everything in the layer, as a number or as a name.
    gid ? 0,
    # A Bash script that runs as root in the image, in a virtual machine. If there is one, `uid` and
    # `gid` have no effect.
    runAsRoot ? null,
    # The size of the virtual machine's disk in MiB.
    diskSize ? 1024,
    # The memory of the virtual machine in MiB.
    buildVMMemorySize ? 512,
    # The creation time of the image: an RFC 3339 time, or `now`, with which every build gives
    # another image.
    created ? "1970-01-01T00:00:01Z",
    # The compressor of the archive: `none`, `gz` or `zstd`.
    compressor ? "gz",
    # Whether the image gets a Nix database, which lists the closure of `copyToRoot` and of
    # `config`.
    includeNixDB ? false,
    # The old name of `copyToRoot`. It is deprecated.
    contents ? null,
    # The `meta` attributes of the derivation.
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

        # A change of these by `overrideAttrs` reaches `builder`.
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
          layout = ociLayout { image = finalAttrs.finalPackage; };
          # The same image as a layout, for `ociLayout`.
          asLayout =
            { name, layout }:
            finalAttrs.finalPackage.overrideAttrs (layoutAttrs: old: {
              inherit name;
              image = old.image // {
                tag = finalAttrs.finalPackage.imageTag;
                inherit layout;
              };
              passthru = removeAttrs old.passthru [ "asLayout" ] // {
                inherit (finalAttrs.finalPackage) imageTag;
                isOciLayout = true;
                layout = layoutAttrs.finalPackage;
              };
            });
          imageTag = if finalTag != null then finalTag else hashPart finalAttrs.finalPackage;
        };

        inherit meta;
      };
  })
)
