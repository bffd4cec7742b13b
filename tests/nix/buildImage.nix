{
  callPackage,
  dockerTools,
  lib,
  overlay,
  pkgs,
}:

let
  inherit (dockerTools) buildImage;
  inherit (lib) isString;

  file = pkgs.writeText "file" "";
  folder = pkgs.writeTextDir "etc/motd" "";

  image = buildImage {
    name = "Registry.example.com/Some/Name";
    tag = "1.0";
    copyToRoot = folder;
    config.Cmd = [ "/bin/true" ];
  };
  untagged = image.override { tag = null; };

  rootLayer =
    (buildImage {
      name = "some/root";
      copyToRoot = folder;
      extraCommands = "after";
      runAsRoot = "script";
      diskSize = 2048;
      uid = 1000;
    }).layer;

  hashPart = drv: lib.head (lib.splitString "-" (baseNameOf drv.outPath));
in
{
  "the builder of an image is `builder`" = {
    expr = {
      program = baseNameOf image.drvAttrs.builder;
      inherit (image.drvAttrs) args __structuredAttrs;
      drvPath = isString image.drvPath;
    };
    expected = {
      program = "builder";
      args = [ "image" ];
      __structuredAttrs = true;
      drvPath = true;
    };
  };

  "an image request has these fields and no others" = {
    expr = image.drvAttrs.image;
    expected = {
      name = "registry.example.com/some/name";
      tag = "1.0";
      baseJson = image.baseJson.outPath;
      layer = image.layer.outPath;
      layerClosure = image.layerClosure.outPath;
      fromImage = null;
      fromImageName = null;
      fromImageTag = null;
      compressor = "gz";
    };
  };

  "an image request keeps what it refers to alive" = {
    expr = lib.attrNames (builtins.getContext (builtins.toJSON image.drvAttrs.image));
    expected = lib.sort builtins.lessThan (
      map builtins.unsafeDiscardStringContext [
        image.baseJson.drvPath
        image.layer.drvPath
        image.layerClosure.drvPath
      ]
    );
  };

  "the arguments of buildImage are those of nixpkgs" = {
    expr = lib.functionArgs buildImage;
    expected = {
      name = false;
      tag = true;
      fromImage = true;
      fromImageName = true;
      fromImageTag = true;
      copyToRoot = true;
      keepContentsDirlinks = true;
      config = true;
      architecture = true;
      variant = true;
      extraCommands = true;
      uid = true;
      gid = true;
      runAsRoot = true;
      diskSize = true;
      buildVMMemorySize = true;
      created = true;
      compressor = true;
      includeNixDB = true;
      contents = true;
      meta = true;
    };
  };

  "an argument that buildImage does not have is an error" = {
    expr =
      (buildImage {
        name = "x";
        copyToroot = folder;
      }).drvPath;
    expectedError = "unexpected argument 'copyToroot'";
  };

  "a base image is passed on with its name and tag" = {
    expr =
      lib.getAttrs [ "fromImage" "fromImageName" "fromImageTag" ]
        (image.override {
          fromImage = file;
          fromImageName = "base";
          fromImageTag = "b";
        }).drvAttrs.image;
    expected = {
      fromImage = file.outPath;
      fromImageName = "base";
      fromImageTag = "b";
    };
  };

  "a base image may be a file of the project" = {
    expr = lib.hasSuffix "-buildImage.nix" (
      (image.override { fromImage = ./buildImage.nix; }).drvAttrs.image.fromImage
    );
    expected = true;
  };

  "image and layer are named after the last part of the image's name" = {
    expr = {
      image = image.name;
      layer = image.layer.name;
    };
    expected = {
      image = "docker-image-Name.tar.gz";
      layer = "docker-layer-Name";
    };
  };

  "the compressor shows in the name of the image" = {
    expr = map (compressor: (image.override { inherit compressor; }).name) [
      "none"
      "gz"
      "zstd"
    ];
    expected = [
      "docker-image-Name.tar"
      "docker-image-Name.tar.gz"
      "docker-image-Name.tar.zst"
    ];
  };

  "an unknown compressor is an error that lists the known ones" = {
    expr =
      (buildImage {
        name = "x";
        compressor = "xz";
      }).drvPath;
    expectedError = "in docker image x: compressor must be one of: [gz none zstd]";
  };

  "an image without a tag is tagged with the hash of its output path" = {
    expr = {
      inherit (untagged.drvAttrs.image) tag;
      inherit (untagged) imageTag;
      context = builtins.hasContext untagged.imageTag;
    };
    expected = {
      tag = null;
      imageTag = builtins.unsafeDiscardStringContext (hashPart untagged);
      context = false;
    };
  };

  "an empty tag is an error" = {
    expr = (image.override { tag = ""; }).drvPath;
    expectedError = "buildImage: `tag` of image `Registry.example.com/Some/Name` is the empty string";
  };

  "an image offers its arguments, layer, name and tag" = {
    expr = {
      inherit (image) imageName imageTag;
      inherit (image.buildArgs) name config;
      layer = image.layer.name;
      meta = (image.override { meta.description = "an image"; }).meta.description;
    };
    expected = {
      imageName = "registry.example.com/some/name";
      imageTag = "1.0";
      name = "Registry.example.com/Some/Name";
      config.Cmd = [ "/bin/true" ];
      layer = "docker-layer-Name";
      meta = "an image";
    };
  };

  "override changes arguments again and again" = {
    expr =
      lib.getAttrs [ "name" "tag" ]
        ((image.override { name = "other"; }).override { tag = "2"; }).drvAttrs.image;
    expected = {
      name = "other";
      tag = "2";
    };
  };

  "overrideAttrs reaches the image request" = {
    expr =
      let
        changed = image.overrideAttrs {
          imageName = "other";
          imageTag = "2";
          fromImage = file;
          baseJson = folder;
        };
      in
      {
        inherit (changed) imageTag;
        request = lib.getAttrs [ "name" "tag" "fromImage" "baseJson" ] changed.drvAttrs.image;
      };
    expected = {
      imageTag = "2";
      request = {
        name = "other";
        tag = "2";
        fromImage = file.outPath;
        baseJson = folder.outPath;
      };
    };
  };

  "overrideAttrs of an untagged image changes its tag with its output path" = {
    expr =
      let
        changed = untagged.overrideAttrs { imageName = "other"; };
      in
      {
        ownHash = changed.imageTag == hashPart changed;
        differs = changed.imageTag != untagged.imageTag;
      };
    expected = {
      ownHash = true;
      differs = true;
    };
  };

  "a buildCommand put in by overrideAttrs is an error" = {
    expr = (image.overrideAttrs { buildCommand = "touch $out"; }).drvPath;
    expectedError = "docker-image-Name.tar.gz: `buildCommand` has no effect";
  };

  "the deprecated contents become the root of the image, with a warning" = {
    expr =
      (buildImage {
        name = "old";
        contents = [ folder ];
      }).layer.drvAttrs.layer.copyToRoot;
    expected = [ folder.outPath ];
    expectedWarning = "in docker image old: The contents parameter is deprecated. Change to copyToRoot";
  };

  "contents and copyToRoot together are an error" = {
    expr =
      (buildImage {
        name = "both";
        contents = folder;
        copyToRoot = folder;
      }).drvPath;
    expectedError = "in docker image both: You can not specify both contents and copyToRoot.";
  };

  "the layer gets the arguments that concern it" = {
    expr =
      removeAttrs
        (buildImage {
          name = "some/thing";
          copyToRoot = folder;
          keepContentsDirlinks = true;
          extraCommands = "true";
          uid = 1234;
          gid = "5678";
        }).layer.drvAttrs.layer
        [
          "baseJson"
          "shell"
        ];
    expected = {
      name = "thing";
      copyToRoot = [ folder.outPath ];
      keepContentsDirlinks = true;
      extraCommands = "true";
      uid = 1234;
      gid = "5678";
    };
  };

  "a script for root makes the layer by mkRootLayer, which knows no owner" = {
    expr = {
      inherit (rootLayer) name;
      asked = removeAttrs (builtins.fromJSON (builtins.unsafeDiscardStringContext rootLayer.rootLayer)) [
        "baseJson"
        "runAsRoot"
        "extraCommands"
        "overlay"
      ];
    };
    expected = {
      name = "docker-layer-root";
      asked = {
        name = "root";
        copyToRoot = [ folder.outPath ];
        keepContentsDirlinks = false;
      };
    };
  };
}
// lib.optionalAttrs (pkgs ? pkgsCross) {
  "an image for another platform is built by a program for this one" = {
    expr =
      let
        cross = pkgs.pkgsCross.aarch64-multiplatform.extend overlay;
        foreign = cross.dockerTools.buildImage {
          name = "foreign";
          extraCommands = "true";
        };
      in
      {
        platform = lib.getAttrs [ "architecture" "variant" ] (cross.callPackage ../../nix { }).internal.platform;
        builders = map (drv: drv.drvAttrs.builder == image.drvAttrs.builder) [
          foreign
          foreign.layer
        ];
        inherit (foreign) system;
      };
    expected = {
      platform = {
        architecture = "arm64";
        variant = "";
      };
      builders = [
        true
        true
      ];
      inherit (image) system;
    };
  };
}
