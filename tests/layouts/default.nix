# Images of each kind, as layouts and tars of each compressor, and what is made of layers of one's own.
let
  pkgs = import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; };
  golden = import ../golden { inherit pkgs; };
  inherit (pkgs) lib;
  inherit (pkgs.dockerTools)
    buildLayer
    buildLayeredImage
    imageIndex
    ociLayout
    streamLayeredImage
    ;

  images = {
    inherit (golden.cases)
      a02-one
      a07-from
      a12-layered
      a14b-layered-from-layered
      a22-odd
      a27-stream
      e01-fakechroot
      ;
  };

  compressors = [
    "gz"
    "zstd"
    "none"
  ];

  # Each form of an image with each compressor.
  formsOf =
    image:
    lib.genAttrs compressors (compressor: {
      layout = (ociLayout { inherit image compressor; }).drvPath;
      tar = (ociLayout {
        inherit image compressor;
        archive = true;
      }).drvPath;
    });

  hello = architecture: buildLayeredImage {
    name = "hello-${architecture}";
    tag = "1";
    inherit architecture;
    contents = [ pkgs.hello ];
    config.Cmd = [ "/bin/hello" ];
  };

  index = archive: imageIndex {
    name = "hello";
    tag = "2";
    images = map hello [
      "arm64"
      "amd64"
    ];
    inherit archive;
  };

  deps = buildLayer {
    paths = [ pkgs.bash ];
    compressor = "gz";
  };

  withDeps =
    name: text:
    streamLayeredImage {
      inherit name;
      tag = "1";
      layers = [ deps ];
      contents = [
        (pkgs.writeTextDir "etc/motd" text)
        pkgs.bash
      ];
      config.Cmd = [
        "/bin/bash"
        "-c"
        "echo $(</etc/motd)"
      ];
    };

  split =
    isSplit: contents:
    streamLayeredImage {
      name = "split";
      tag = "1";
      split = isSplit;
      inherit contents;
      config.Cmd = [ "/bin/hello" ];
    };
in
{
  forms = lib.mapAttrs (_name: formsOf) images;

  archives = lib.mapAttrs (_name: image: {
    drv = image.drvPath;
    isStream = image.isExe or false;
  }) images;

  index = {
    layout = (index false).drvPath;
    tar = (index true).drvPath;
    children = lib.genAttrs [
      "amd64"
      "arm64"
    ] (architecture: (hello architecture).layout.drvPath);
  };

  layers = {
    deps = deps.drvPath;
    one = (withDeps "one" "hello").layout.drvPath;
    other = (withDeps "other" "hello again").layout.drvPath;
  };

  split = {
    plain = (split false [ pkgs.hello ]).layout.drvPath;
    split = (split true [ pkgs.hello ]).layout.drvPath;
    more = (split true [
      pkgs.hello
      pkgs.busybox
    ]).layout.drvPath;
  };
}
