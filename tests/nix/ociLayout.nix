{
  dockerTools,
  lib,
  pkgs,
}:

let
  inherit (dockerTools)
    buildImage
    buildLayer
    buildLayeredImage
    imageIndex
    mergeImages
    ociLayout
    streamLayeredImage
    ;

  file = pkgs.writeText "file" "";
  image = buildImage {
    name = "team/App";
    tag = "1";
    meta = {
      description = "an app";
      homepage = "https://example.com";
      license = [
        { spdxId = "MIT"; }
        { spdxId = "Apache-2.0"; }
      ];
    };
  };
  stream = streamLayeredImage {
    name = "app";
    tag = "1";
  };
  layoutOf = arguments: (ociLayout ({ image = file; } // arguments)).drvAttrs.ociLayout.layout;
  layer = buildLayer { paths = [ file ]; };
  requestOf = image: image.drvAttrs.image.layout;
in
{
  "a layout request has these fields" = {
    expr = layoutOf { };
    expected = {
      compressor = null;
      archive = false;
      annotations."org.opencontainers.image.title" = "image";
      layerAnnotations = { };
    };
  };

  "a layout is packed again only if its compressor is given" = {
    expr = map (arguments: (layoutOf arguments).compressor) [
      { }
      { compressor = "gz"; }
      { compressor = "none"; }
    ];
    expected = [
      null
      "gz"
      "none"
    ];
  };

  "a layout knows what Nix knows of the image" = {
    expr = (requestOf image.layout).annotations;
    expected = {
      "org.opencontainers.image.title" = "app";
      "org.opencontainers.image.description" = "an app";
      "org.opencontainers.image.url" = "https://example.com";
      "org.opencontainers.image.licenses" = "MIT AND Apache-2.0";
    };
  };

  "an annotation of the user wins, and null leaves one out" = {
    expr =
      (requestOf (ociLayout {
        inherit image;
        annotations = {
          "org.opencontainers.image.title" = "mine";
          "org.opencontainers.image.url" = null;
        };
      })).annotations;
    expected = {
      "org.opencontainers.image.title" = "mine";
      "org.opencontainers.image.description" = "an app";
      "org.opencontainers.image.url" = "";
      "org.opencontainers.image.licenses" = "MIT AND Apache-2.0";
    };
  };

  "an image that was pulled is named as the base" = {
    expr =
      let
        base = dockerTools.pullImage {
          imageName = "registry.example.com/base";
          imageDigest = "sha256:${lib.concatStrings (lib.genList (_: "0") 64)}";
          hash = lib.fakeHash;
        };
        image = buildLayeredImage {
          name = "app";
          fromImage = base;
        };
        inherit (image.layout.drvAttrs.ociLayout.layout) annotations;
      in
      lib.getAttrs [
        "org.opencontainers.image.base.digest"
        "org.opencontainers.image.base.name"
      ] annotations;
    expected = {
      "org.opencontainers.image.base.name" = "registry.example.com/base";
      "org.opencontainers.image.base.digest" = "sha256:${lib.concatStrings (lib.genList (_: "0") 64)}";
    };
  };

  "an annotation that is a number is an error" = {
    expr = (layoutOf { annotations."org.example.number" = 1; }).annotations;
    expectedError = "the annotation `org.example.number` is 1; it has to be a string";
  };

  "a compressor that there is not is an error of a layout" = {
    expr = (ociLayout { image = file; compressor = "xz"; }).drvPath;
    expectedError = "compressor must be one of: [gz none zstd]";
  };

  "every image has a layout" = {
    expr = map (image: lib.isString image.layout.drvPath) [
      image
      stream
      (buildLayeredImage { name = "app"; })
      (mergeImages [ file ])
      (ociLayout { image = file; })
      (imageIndex {
        name = "app";
        images = [ file ];
      })
    ];
    expected = lib.genList (_: true) 6;
  };

  "the layout of a stream and of its archive are one derivation" = {
    expr =
      (buildLayeredImage {
        name = "app";
        tag = "1";
      }).layout.drvPath;
    expected = stream.layout.drvPath;
  };

  "a layout has the name and the tag of its image" = {
    expr = map (image: [
      image.layout.imageName
      image.layout.imageTag
    ]) [ image stream ];
    expected = [
      [
        "team/app"
        "1"
      ]
      [
        "app"
        "1"
      ]
    ];
  };

  "a layout of an image without a tag has that of the image" = {
    expr =
      let
        image = buildImage { name = "app"; };
      in
      image.layout.drvAttrs.image.tag == image.imageTag && image.layout.imageTag == image.imageTag;
    expected = true;
  };

  "an index request has these fields and the layouts of its images" = {
    expr =
      let
        index = imageIndex {
          name = "App";
          images = [ image stream ];
          annotations.x = null;
        };
        request = index.drvAttrs.imageIndex;
      in
      removeAttrs request [ "platform" ]
      // {
        images = request.images == map (image: image.layout.outPath) [ image stream ];
      };
    expected = {
      name = "app";
      tag = null;
      images = true;
      archive = false;
      annotations.x = "";
    };
  };

  "an index whose tag no engine takes is an error" = {
    expr =
      (imageIndex {
        name = "app";
        tag = "1+2";
        images = [ ];
      }).drvPath;
    expectedError = "a tag is 1 to 128 letters";
  };

  "a layer request has these fields" = {
    expr = removeAttrs layer.drvAttrs.buildLayer [ "name" ];
    expected = {
      root = null;
      storePaths = null;
      layers = [ ];
      compressor = null;
      uid = 0;
      gid = 0;
      uname = "root";
      gname = "root";
      mtime = "1970-01-01T00:00:01Z";
    };
  };

  "a layer of an image reaches its description, and an image without one has no such field" = {
    expr = map (image: image.conf.drvAttrs.description.layers or null) [
      stream
      (streamLayeredImage {
        name = "app";
        layers = [ layer ];
      })
    ];
    expected = [
      null
      [ layer.outPath ]
    ];
  };

  "copyToRoot goes neither with contents nor with fakeRootCommands" = {
    expr =
      (buildLayer {
        copyToRoot = file;
        contents = file;
      }).drvPath;
    expectedError = "make a layer of each";
  };

  "split is a boolean or a compressor" = {
    expr =
      (streamLayeredImage {
        name = "app";
        split = "xz";
      }).drvPath;
    expectedError = "`split` is a boolean, or the compressor of the layers: none, gz or zstd";
  };

  "the arguments of buildLayer, imageIndex and ociLayout are ours" = {
    expr = map (function: lib.attrNames (lib.functionArgs function)) [
      buildLayer
      imageIndex
      ociLayout
    ];
    expected = [
      [
        "compressor"
        "contents"
        "copyToRoot"
        "extraCommands"
        "fakeRootCommands"
        "gid"
        "gname"
        "layers"
        "mtime"
        "name"
        "paths"
        "uid"
        "uname"
      ]
      [
        "annotations"
        "archive"
        "images"
        "meta"
        "name"
        "tag"
      ]
      [
        "annotations"
        "archive"
        "compressor"
        "image"
        "layerAnnotations"
        "name"
      ]
    ];
  };
}
