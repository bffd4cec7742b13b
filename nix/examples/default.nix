# Gives images that show what the functions are for. They have the names of nixpkgs' examples, so
# that nixpkgs' own tests run on them when the overlay is applied.
{
  bash,
  bashInteractive,
  buildEnv,
  buildImage,
  buildImageWithNixDb,
  buildLayeredImage,
  buildLayeredImageWithNixDb,
  busybox,
  caCertificates,
  coreutils,
  emacs,
  exportImage,
  fakeNss,
  hello,
  linkFarm,
  mergeImages,
  mkShell,
  nano,
  nginx,
  nix,
  pkgsCross,
  pkgsStatic,
  pullImage,
  redis,
  runCommand,
  runtimeShell,
  stdenv,
  streamLayeredImage,
  streamNixShellImage,
  testers,
  vim,
  writeScript,
  writeScriptBin,
  writeShellScriptBin,
  writeText,
  writeTextDir,
}:

let
  shells = import ./shells.nix { inherit hello mkShell streamNixShellImage; };

  # Gives a /bin with the programs of several packages. They are symlinks, so nothing is copied out
  # of the store.
  binOf =
    paths:
    buildEnv {
      name = "image-root";
      inherit paths;
      pathsToLink = [ "/bin" ];
    };

  # All files of a package, for the root of an image.
  helloRoot = buildEnv {
    name = "hello-root";
    paths = [ hello ];
  };

  # The variables that Nix needs in a container: its user, and how to print.
  nixEnvironment = [
    "NIX_PAGER=cat"
    "USER=nobody"
  ];

  # The image of another project, by its digest in the registry.
  nixOfDockerHub = {
    imageName = "nixos/nix";
    imageDigest = "sha256:85299d86263a3059cf19f419f9d286cc9f06d3c13146a8ebbb21b3437f598357";
    sha256 = "19fw0n3wmddahzr20mhdqv6jkjn1kanh6n2mrr08ai53dr8ph5n7";
    finalImageName = "nix";
    finalImageTag = "2.2.1";
  };

  # Gives an image with one more layer. Its script adds a letter to those of the layers below.
  ordered =
    fromImage: layer:
    buildImage {
      name = "layers-unpack-order-${layer}";
      tag = "latest";
      inherit fromImage;
      copyToRoot = binOf [ coreutils ];
      runAsRoot = "echo -n ${layer} >> /layer-order";
    };

  childOf = {
    name = "child";
    tag = "latest";
    fromImage = examples.environmentVariablesParent;
    config.Env = [
      "FROM_CHILD=true"
      "LAST_LAYER=child"
    ];
  };

  onTopOfLayered = {
    tag = "latest";
    fromImage = examples.layered-image;
    extraCommands = "mkdir -m 777 example-output";
    config = {
      Env = [ "PATH=${coreutils}/bin" ];
      WorkingDir = "/example-output";
      Cmd = [
        "${bash}/bin/bash"
        "-c"
        "echo hello > file; cat file"
      ];
    };
  };

  examples = {
    # The smallest example has some programs, and no command to run.
    bash = buildImage {
      name = "bash";
      tag = "latest";
      copyToRoot = binOf [ bashInteractive ];
    };

    # A service on top of another image has a directory for its data, which a script of root makes.
    redis = buildImage {
      name = "redis";
      tag = "latest";
      fromImage = examples.bash;
      copyToRoot = binOf [ redis ];
      runAsRoot = "mkdir -p /data";
      config = {
        Cmd = [ "/bin/redis-server" ];
        WorkingDir = "/data";
        Volumes."/data" = { };
      };
    };

    # A web server serves files that are in the image because its configuration names them.
    nginx =
      let
        site = writeTextDir "index.html" "<html><body><h1>It is served</h1></body></html>";
        configuration = writeText "nginx.conf" ''
          user nobody nobody;
          daemon off;
          pid /dev/null;
          events { }
          http {
            access_log /dev/stdout;
            client_body_temp_path /tmp/client-body;
            proxy_temp_path /tmp/proxy;
            fastcgi_temp_path /tmp/fastcgi;
            uwsgi_temp_path /tmp/uwsgi;
            scgi_temp_path /tmp/scgi;
            server {
              listen 80;
              root ${site};
            }
          }
        '';
      in
      buildLayeredImage {
        name = "nginx-container";
        tag = "latest";
        contents = [
          fakeNss
          nginx
        ];
        extraCommands = "mkdir -m 1777 tmp";
        config = {
          Cmd = [
            "nginx"
            "-e"
            "/dev/stdout"
            "-c"
            configuration
          ];
          ExposedPorts."80/tcp" = { };
        };
      };

    # An image from a registry is pulled as a base image.
    nixFromDockerHub = pullImage nixOfDockerHub;

    # The same image is pulled again whenever the fetcher changes. This is for tests only, as it
    # wastes bandwidth.
    testNixFromDockerHub = testers.invalidateFetcherByDrvHash pullImage nixOfDockerHub;

    # Several packages share the root of an image.
    editors = buildImage {
      name = "editors";
      copyToRoot = binOf [
        bash
        coreutils
        emacs
        nano
        vim
      ];
    };

    # Nix in the image knows the store paths of the image.
    nix = buildImageWithNixDb {
      name = "nix";
      tag = "latest";
      copyToRoot = binOf [
        bash
        coreutils
        nix
      ];
      config.Env = nixEnvironment;
    };

    # A package is added to an image from a registry.
    onTopOfPulledImage = buildImage {
      name = "onTopOfPulledImage";
      tag = "latest";
      fromImage = examples.nixFromDockerHub;
      copyToRoot = binOf [ hello ];
    };

    # Both scripts have quotes and parentheses, which have to reach the shell unchanged.
    runAsRootExtraCommands = buildImage {
      name = "runAsRootExtraCommands";
      tag = "latest";
      copyToRoot = binOf [ coreutils ];
      runAsRoot = ''echo "(runAsRoot)" > runAsRoot'';
      extraCommands = ''echo "(extraCommand)" > extraCommands'';
    };

    # The creation time is the time of the build, so every build gives another image.
    unstableDate = buildImage {
      name = "unstable-date";
      tag = "latest";
      copyToRoot = binOf [ coreutils ];
      created = "now";
    };

    unstableDateLayered = buildLayeredImage {
      name = "unstable-date-layered";
      tag = "latest";
      contents = [ coreutils ];
      created = "now";
    };

    # The layers of an image can be shared by other images.
    layered-image = buildLayeredImage {
      name = "layered-image";
      tag = "latest";
      contents = [
        bash
        coreutils
        hello
      ];
      extraCommands = ''echo "(extraCommand)" > extraCommands'';
      config.Cmd = [ "${hello}/bin/hello" ];
    };

    # This image shares layers with the one above.
    another-layered-image = buildLayeredImage {
      name = "another-layered-image";
      tag = "latest";
      config.Cmd = [ "${hello}/bin/hello" ];
    };

    layered-on-top = buildImage (onTopOfLayered // { name = "layered-on-top"; });

    layered-on-top-layered = buildLayeredImage (
      onTopOfLayered // { name = "layered-on-top-layered"; }
    );

    # A layer has only the changes by a script that runs as root.
    runAsRootParentImage = buildImage {
      name = "runAsRootParentImage";
      tag = "latest";
      fromImage = examples.bash;
      runAsRoot = "touch /example-file";
    };

    # Three images are built on top of each other. Each one has the files of those below, unless it
    # replaces them.
    layersOrder =
      let
        first = buildImage {
          name = "l1";
          tag = "latest";
          extraCommands = "mkdir tmp; for file in 1 2 3; do echo layer1 > tmp/layer$file; done";
        };
        second = buildImage {
          name = "l2";
          tag = "latest";
          fromImage = first;
          extraCommands = "mkdir tmp; for file in 2 3; do echo layer2 > tmp/layer$file; done";
        };
      in
      buildImage {
        name = "l3";
        tag = "latest";
        fromImage = second;
        copyToRoot = binOf [ coreutils ];
        extraCommands = "mkdir tmp; echo layer3 > tmp/layer3";
      };

    # Scripts run as root in three images that are built on top of each other. Each script sees the
    # changes by those below.
    layersUnpackOrder = ordered (ordered (ordered null "a") "b") "c";

    # An image adds to the environment of its base image.
    environmentVariablesParent = buildImage {
      name = "parent";
      tag = "latest";
      config.Env = [
        "FROM_PARENT=true"
        "LAST_LAYER=parent"
      ];
    };

    environmentVariables = buildImage (childOf // { copyToRoot = binOf [ coreutils ]; });

    environmentVariablesLayered = buildLayeredImage (childOf // { contents = [ coreutils ]; });

    # This is the smallest number of layers: one for all store paths and one for the contents.
    two-layered-image = buildLayeredImage {
      name = "two-layered-image";
      tag = "latest";
      maxLayers = 2;
      contents = [
        bash
        hello
      ];
      config.Cmd = [ "${hello}/bin/hello" ];
    };

    # There are more packages than layers.
    bulk-layer = buildLayeredImage {
      name = "bulk-layer";
      tag = "latest";
      maxLayers = 2;
      contents = [
        coreutils
        hello
      ];
    };

    # The layers of the base image count.
    layered-bulk-layer = buildLayeredImage {
      name = "layered-bulk-layer";
      tag = "latest";
      fromImage = examples.two-layered-image;
      maxLayers = 4;
      contents = [
        coreutils
        hello
      ];
    };

    # Programs are outside of the store. A program that the script only runs is not in the image,
    # since no file refers to it.
    no-store-paths = buildLayeredImage {
      name = "no-store-paths";
      tag = "latest";
      extraCommands = ''
        cp -r ${pkgsStatic.busybox}/* .
        ${hello}/bin/hello
      '';
    };

    nixLayered = buildLayeredImageWithNixDb {
      name = "nix-layered";
      tag = "latest";
      contents = [
        bash
        coreutils
        nix
      ];
      config.Env = nixEnvironment;
    };

    nix-layered = streamLayeredImage {
      name = "nix-layered";
      tag = "latest";
      contents = [
        bash
        nix
      ];
      includeNixDB = true;
      config.Env = nixEnvironment;
    };

    # Store paths that are files come into the image unchanged.
    filesInStore = buildLayeredImageWithNixDb {
      name = "file-in-store";
      tag = "latest";
      contents = [
        coreutils
        nix
        (writeScriptBin "myscript" ''
          #!${runtimeShell}
          cat ${writeText "somefile" "some data"}
        '')
      ];
      config = {
        Cmd = [ "myscript" ];
        Env = [ "USER=root" ];
      };
    };

    # These are the compressors. A package as `copyToRoot` is in the image twice, which `buildEnv`
    # would avoid.
    bashUncompressed = buildImage {
      name = "bash-uncompressed";
      tag = "latest";
      compressor = "none";
      copyToRoot = bashInteractive;
    };

    bashZstdCompressed = buildImage {
      name = "bash-zstd";
      tag = "latest";
      compressor = "zstd";
      copyToRoot = bashInteractive;
    };

    bashLayeredUncompressed = buildLayeredImage {
      name = "bash-layered-uncompressed";
      tag = "latest";
      compressor = "none";
      contents = bashInteractive;
    };

    bashLayeredZstdCompressed = buildLayeredImage {
      name = "bash-layered-zstd";
      tag = "latest";
      compressor = "zstd";
      contents = bashInteractive;
    };

    # Without a tag, the image is tagged with the hash part of an output path.
    bashNoTag = buildImage {
      name = "bash-no-tag";
      copyToRoot = bashInteractive;
    };

    bashNoTagLayered = buildLayeredImage {
      name = "bash-no-tag-layered";
      contents = bashInteractive;
    };

    bashNoTagStreamLayered = streamLayeredImage {
      name = "bash-no-tag-stream-layered";
      contents = bashInteractive;
    };

    # A user is defined by the files in /etc that programs read.
    bashLayeredWithUser = buildLayeredImage {
      name = "bash-layered-with-user";
      tag = "latest";
      contents = [
        bash
        coreutils
        (writeTextDir "etc/passwd" ''
          root:x:0:0::/root:${runtimeShell}
          somebody:x:999:999::/home/somebody:
        '')
        (writeTextDir "etc/shadow" ''
          root:!x:::::::
          somebody:!:::::::
        '')
        (writeTextDir "etc/group" ''
          root:x:0:
          somebody:x:999:
        '')
        (writeTextDir "etc/gshadow" ''
          root:x::
          somebody:x::
        '')
      ];
    };

    # An image is built for another architecture than that of the build.
    cross =
      let
        otherPkgs =
          if stdenv.hostPlatform.system == "aarch64-linux" then
            pkgsCross.gnu64
          else
            pkgsCross.aarch64-multiplatform;
      in
      otherPkgs.dockerTools.buildImage {
        name = "hello-cross";
        tag = "latest";
        copyToRoot = binOf [ otherPkgs.hello ];
      };

    # A store path is a symlink itself.
    layeredStoreSymlink =
      let
        target = writeTextDir "dir/target" "Nobody reads this.";
        symlink = runCommand "symlink" { } "ln -s ${target} $out";
        image = buildLayeredImage {
          name = "layeredstoresymlink";
          tag = "latest";
          contents = [
            bash
            symlink
          ];
        };
      in
      image // { passthru = image.passthru or { } // { inherit symlink; }; };

    # The names of images begin with a registry.
    prefixedImage = buildImage {
      name = "registry-1.docker.io/image";
      tag = "latest";
      config.Cmd = [ "${hello}/bin/hello" ];
    };

    prefixedLayeredImage = buildLayeredImage {
      name = "registry-1.docker.io/layered-image";
      tag = "latest";
      config.Cmd = [ "${hello}/bin/hello" ];
    };

    # A home directory belongs to its user, and a store path is named only by the script.
    layeredImageWithFakeRootCommands = buildLayeredImage {
      name = "layered-image-with-fake-root-commands";
      tag = "latest";
      contents = [ pkgsStatic.busybox ];
      fakeRootCommands =
        let
          onlyHere = writeShellScriptBin "layeredImageWithFakeRootCommands-hello" "exec ${hello}/bin/hello";
        in
        ''
          mkdir -p home/alice
          chown 1000 home/alice
          ln -s ${onlyHere} hello
        '';
    };

    # One archive has several images.
    mergedBashAndRedis = mergeImages [
      examples.bash
      examples.redis
    ];

    mergedBashNoTagAndRedis = mergeImages [
      examples.bashNoTag
      examples.redis
    ];

    mergedBashFakeRoot = mergeImages [
      examples.bash
      examples.layeredImageWithFakeRootCommands
    ];

    mergeVaryingCompressor = mergeImages [
      examples.redis
      examples.bashUncompressed
      examples.bashZstdCompressed
    ];

    # An image contains its store paths, or is for a machine that mounts its own store.
    helloOnRoot = streamLayeredImage {
      name = "hello";
      tag = "latest";
      contents = [ helloRoot ];
      config.Cmd = [ "hello" ];
    };

    helloOnRootNoStore = streamLayeredImage {
      name = "hello";
      tag = "latest";
      contents = [ helloRoot ];
      config.Cmd = [ "hello" ];
      includeStorePaths = false;
    };

    helloOnRootNoStoreFakechroot = streamLayeredImage {
      name = "hello";
      tag = "latest";
      contents = [ helloRoot ];
      config.Cmd = [ "hello" ];
      includeStorePaths = false;
      enableFakechroot = true;
    };

    # /etc is made as NixOS makes it, of symlinks to /etc/static, which is a symlink to the
    # generated files. The command is a derivation and not a list. Engines take it for a list of one
    # item.
    etc =
      let
        files = linkFarm "etc" {
          some-config-file = writeText "some-config-file" ''
            127.0.0.1 localhost
            ::1 localhost
          '';
        };
      in
      streamLayeredImage {
        name = "etc";
        tag = "latest";
        enableFakechroot = true;
        fakeRootCommands = ''
          mkdir -p /etc
          ln -s ${files} /etc/static
          for file in /etc/static/*; do ln -s "$file" /etc; done
        '';
        config.Cmd = writeScript "etc-cmd" ''
          #!${busybox}/bin/sh
          ${busybox}/bin/cat /etc/some-config-file
        '';
      };

    # A script uses paths as they are in the image.
    imageViaFakeChroot = streamLayeredImage {
      name = "image-via-fake-chroot";
      tag = "latest";
      enableFakechroot = true;
      fakeRootCommands = ''
        mkdir /bin
        ln -s ${hello}/bin/hello /bin/hello
      '';
      config.Cmd = [ "hello" ];
    };

    # The files of an image are exported as one tar.
    exportBash = exportImage { fromImage = examples.bash; };

    # The contents are files of the project, and not of a package.
    build-image-with-path = buildImage {
      name = "build-image-with-path";
      tag = "latest";
      copyToRoot = [
        bashInteractive
        ./example-files
      ];
    };

    layered-image-with-path = streamLayeredImage {
      name = "layered-image-with-path";
      tag = "latest";
      contents = [
        bashInteractive
        ./example-files
      ];
    };

    # An image says that it is for another architecture.
    build-image-with-architecture = buildImage {
      name = "build-image-with-architecture";
      tag = "latest";
      architecture = "arm64";
      copyToRoot = [
        bashInteractive
        ./example-files
      ];
    };

    layered-image-with-architecture = streamLayeredImage {
      name = "layered-image-with-architecture";
      tag = "latest";
      architecture = "arm64";
      contents = [
        bashInteractive
        ./example-files
      ];
    };

    # An image has the certificates that programs need for TLS.
    image-with-certs = buildImage {
      name = "image-with-certs";
      tag = "latest";
      copyToRoot = buildEnv {
        name = "image-with-certs-root";
        paths = [
          caCertificates
          coreutils
        ];
      };
    };
  };
in
examples // shells
