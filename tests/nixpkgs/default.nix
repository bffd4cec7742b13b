# The images of nixpkgs' four tests of dockerTools: the examples, and those that only the tests have.
{
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
  # Arguments of `pullImage` that say where the image of Nix lies instead of at Docker's hub.
  pushed ? { },
}:

let
  inherit (pkgs) dockerTools;

  isAarch64 = pkgs.stdenv.hostPlatform.system == "aarch64-linux";
  examples = removeAttrs (dockerTools.examples.override {
    pullImage = arguments: dockerTools.pullImage (arguments // pushed);
  }) [
    "override"
    "overrideDerivation"
    # The package set has no editors.
    "editors"
  ];

  otherPkgs = if isAarch64 then pkgs.pkgsCross.gnu64 else pkgs.pkgsCross.aarch64-multiplatform;
in
{
  images = examples // {
  chownTestImage = dockerTools.streamLayeredImage {
      name = "chown-test";
      tag = "latest";
      enableFakechroot = true;
      fakeRootCommands = ''
        touch /testfile
        chown 12345:12345 /testfile
      '';
      config.Cmd = [
        "${pkgs.coreutils}/bin/stat"
        "-c"
        "%u:%g"
        "/testfile"
      ];
    };

    nonRootTestImage = dockerTools.streamLayeredImage {
      name = "non-root-test";
      tag = "latest";
      uid = 1000;
      gid = 1000;
      uname = "user";
      gname = "user";
      config = {
        User = "user";
        Cmd = [
          "${pkgs.coreutils}/bin/stat"
          "-c"
          "%u:%g"
          "${pkgs.coreutils}/bin/stat"
        ];
      };
    };

    hello1 = otherPkgs.dockerTools.buildImage {
      name = "hello1";
      tag = "latest";
      contents = otherPkgs.hello;
    };

    hello2 = otherPkgs.dockerTools.buildLayeredImage {
      name = "hello2";
      tag = "latest";
      contents = otherPkgs.hello;
    };

    repeatedLayerTestImage =
      let
        # The layer is empty, and so is the one below, which is the same then.
        below = dockerTools.buildImage { name = "empty"; };
        both = below.overrideAttrs { fromImage = below; };
      in
      dockerTools.buildImage {
        name = "repeated-layer-test";
        tag = "latest";
        fromImage = pkgs.runCommand "image-with-links.tar" { nativeBuildInputs = [ pkgs.python3 ]; } ''
          python3 ${./repeat-layer.py} ${both} $out
        '';
        copyToRoot = pkgs.bash;
        runAsRoot = "echo 'It has run.'";
      };

    # More files in one directory than nixpkgs' virtual machine could list, which the argument is for.
    useFUSEOverlayFS = dockerTools.buildImage {
      name = "many-files";
      tag = "latest";
      fromImage = dockerTools.buildImage {
        name = "many-files-below";
        extraCommands = "mkdir many; touch many/{1..10000}";
      };
      copyToRoot = pkgs.coreutils;
      runAsRoot = "ls /many | wc -l > /number";
    };
  };

  # What is pushed to the registry: Nix, which is all in a store of its own.
  toPush = dockerTools.buildImage {
    name = "nix";
    tag = "latest";
    copyToRoot = pkgs.runCommand "moved" { nativeBuildInputs = [ pkgs.python3 ]; } ''
      python3 ${./move-store.py} ${pkgs.nix} ${pkgs.writeClosure [ pkgs.nix ]} $out
    '';
    config.Env = [ "USER=root" ];
    # Debian 12's skopeo reads no other.
    compressor = "none";
  };

  # What the tests look for in images, or run there.
  paths = {
    inherit (pkgs) bash nix;
    busybox = pkgs.pkgsStatic.busybox;
    symlink = examples.layeredStoreSymlink.passthru.symlink;
  };

  # What Go calls the processor that is not this machine's.
  otherArchitecture = if isAarch64 then "amd64" else "arm64";
}
