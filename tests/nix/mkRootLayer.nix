{
  dockerTools,
  lib,
  pkgs,
}:

let
  inherit (dockerTools) mkRootLayer runWithOverlay;

  baseJson = pkgs.writeText "base.json" "{ }";
  image = pkgs.writeText "image.tar" "";

  layer = mkRootLayer {
    name = "plain";
    inherit baseJson;
    runAsRoot = "true";
  };
  onImage = mkRootLayer {
    name = "more";
    inherit baseJson;
    runAsRoot = "true";
    extraCommands = "true";
    fromImage = image;
    fromImageTag = "one";
    diskSize = 2048;
    buildVMMemorySize = 1024;
  };
  hooks = runWithOverlay {
    name = "hooks";
    preMount = "before";
    postMount = "during";
    postUmount = "after";
  };

  asked = layer: builtins.fromJSON (builtins.unsafeDiscardStringContext layer.rootLayer);
in
{
  "a layer made as root is built in a virtual machine that `builder` watches" = {
    expr = {
      program = baseNameOf layer.drvAttrs.builder;
      command = lib.head layer.drvAttrs.args;
      inMachine = baseNameOf layer.drvAttrs.origBuilder;
      inherit (layer.drvAttrs) origArgs memSize;
    };
    expected = {
      program = "builder";
      command = "watch-vm";
      inMachine = "builder";
      origArgs = [ "root-layer" ];
      memSize = 512;
    };
  };

  "what a layer made as root is asked for is JSON in one attribute, for both kinds of machines" = {
    expr = {
      inherit (asked layer) copyToRoot extraCommands;
      script = lib.removeSuffix "run-as-root.sh" (asked layer).runAsRoot != (asked layer).runAsRoot;
      overlay = removeAttrs (asked layer).overlay [ "mkfs" ];
    };
    expected = {
      copyToRoot = [ ];
      extraCommands = null;
      script = true;
      overlay = {
        device = "/dev/vda";
        diskSize = 1024;
        memorySize = 512;
        fromImage = null;
        fromImageName = null;
        fromImageTag = null;
        limits = { };
        platform = {
          os = "linux";
          architecture = pkgs.go.GOARCH;
          variant = "";
        };
        storeDir = "/nix/store";
      };
    };
  };

  "image, sizes and the second script reach the machine" = {
    expr = {
      inherit ((asked onImage).overlay)
        diskSize
        memorySize
        fromImage
        fromImageTag
        ;
      inherit (onImage.drvAttrs) memSize;
      disk = lib.hasInfix "2048M" onImage.drvAttrs.preVM;
      script = lib.hasSuffix "extra-commands.sh" (asked onImage).extraCommands;
    };
    expected = {
      diskSize = 2048;
      memorySize = 1024;
      fromImage = image.outPath;
      fromImageTag = "one";
      memSize = 1024;
      disk = true;
      script = true;
    };
  };

  "the hooks of runWithOverlay are attributes that bash sees" = {
    expr = {
      inherit (hooks.drvAttrs)
        name
        preMount
        postMount
        postUmount
        origArgs
        ;
    };
    expected = {
      name = "hooks";
      preMount = "before";
      postMount = "during";
      postUmount = "after";
      origArgs = [ "run-with-overlay" ];
    };
  };

  "an unknown argument of mkRootLayer is refused" = {
    expr =
      (mkRootLayer {
        name = "x";
        inherit baseJson;
        runAsRoot = "";
        uid = 1;
      }).drvPath;
    expectedError = "uid";
  };

  "a disk without a size is refused" = {
    expr = (runWithOverlay { name = "hooks"; diskSize = 0; }).drvPath;
    expectedError = "`diskSize` of hooks is 0; it has to be a whole number of MiB, 1 or more.";
  };

  "memory that is no whole number is refused" = {
    expr =
      (mkRootLayer {
        name = "plain";
        inherit baseJson;
        runAsRoot = "true";
        buildVMMemorySize = 0.5;
      }).drvPath;
    expectedError = "`buildVMMemorySize` of docker-layer-plain is 0.5; it has to be a whole number of MiB, 1 or more.";
  };
}
