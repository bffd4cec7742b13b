{
  dockerTools,
  lib,
  pkgs,
}:

let
  inherit (dockerTools) buildLayeredImage;

  folder = pkgs.writeTextDir "etc/motd" "";

  arguments = {
    name = "Some/Image";
    contents = folder;
    passthru.mine = true;
  };
  stream = dockerTools.streamLayeredImage arguments;
  image = buildLayeredImage (arguments // { meta.description = "an image"; });

  nameWith =
    compressor:
    (buildLayeredImage {
      name = "some/image";
      inherit compressor;
    }).name;
in
{
  "a layered-image request has these fields and no others" = {
    expr = image.drvAttrs.layeredImage;
    expected = {
      conf = image.conf.outPath;
      compressor = "gz";
    };
  };

  "a built image needs the description, and not the program that streams it" = {
    expr = lib.attrNames (builtins.getContext (builtins.toJSON image.drvAttrs.layeredImage));
    expected = [ (builtins.unsafeDiscardStringContext image.conf.drvPath) ];
  };

  "a built image has the attributes of nixpkgs', and its description" = {
    expr = {
      inherit (image) imageName;
      tag = image.imageTag == stream.imageTag;
      stream = image.stream.drvPath == stream.drvPath;
      conf = image.conf.drvPath == stream.conf.drvPath;
      isExe = image ? isExe;
      # nixpkgs gives the user's passthru to the stream only.
      passthru = map (result: result ? mine) [
        image
        image.stream
      ];
      inherit (image.meta) description;
    };
    expected = {
      imageName = "some/image";
      tag = true;
      stream = true;
      conf = true;
      isExe = false;
      passthru = [
        false
        true
      ];
      description = "an image";
    };
  };

  "the name of a layered image says how it is compressed" = {
    expr = map nameWith [
      "none"
      "gz"
      "zstd"
    ];
    expected = [
      "image.tar"
      "image.tar.gz"
      "image.tar.zst"
    ];
  };

  "a compressor that nobody knows is an error in layered images too" = {
    expr = nameWith "xz";
    expectedError = "in docker image some/image: compressor must be one of: [gz none zstd]";
  };

  "an argument that buildLayeredImage does not have is an error" = {
    expr = (buildLayeredImage (arguments // { copyToRoot = folder; })).drvPath;
    expectedError = "unexpected argument 'copyToRoot'";
  };

  "override of a built image reaches its stream" = {
    expr =
      let
        other = image.override {
          tag = "other";
          compressor = "none";
        };
      in
      {
        inherit (other) imageTag name;
        inherit (other.conf.drvAttrs.description) tag;
        inherit (other.drvAttrs.layeredImage) compressor;
      };
    expected = {
      imageTag = "other";
      name = "Image.tar";
      tag = "other";
      compressor = "none";
    };
  };

  "buildLayeredImageWithNixDb is buildLayeredImage with a database" = {
    expr =
      (dockerTools.buildLayeredImageWithNixDb arguments).drvPath
      == (buildLayeredImage (arguments // { includeNixDB = true; })).drvPath;
    expected = true;
  };
}
