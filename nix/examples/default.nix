# Images that show what the functions are for, under the names that nixpkgs' examples have, so that
# nixpkgs' own tests take these when the overlay is there.
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

  # One /bin with the programs of several packages, as links: nothing is copied out of the store.
  binOf =
    paths:
    buildEnv {
      name = "image-root";
      inherit paths;
      pathsToLink = [ "/bin" ];
    };

  # All of a package at the root of an image.
  helloRoot = buildEnv {
    name = "hello-root";
    paths = [ hello ];
  };

  # What Nix wants to know before it answers: who asks, and how to print.
  nixEnvironment = [
    "NIX_PAGER=cat"
    "USER=nobody"
  ];

  # The image of another project, by the digest that its registry has.
  nixOfDockerHub = {
    imageName = "nixos/nix";
    imageDigest = "sha256:85299d86263a3059cf19f419f9d286cc9f06d3c13146a8ebbb21b3437f598357";
    sha256 = "19fw0n3wmddahzr20mhdqv6jkjn1kanh6n2mrr08ai53dr8ph5n7";
    finalImageName = "nix";
    finalImageTag = "2.2.1";
  };

  # One more layer, and what there was of the layer below when its script ran.
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
    # The least: some programs, and nothing that runs by itself.
    bash = buildImage {
      name = "bash";
      tag = "latest";
      copyToRoot = binOf [ bashInteractive ];
    };

    # A service on top of another image, with a directory that root made for its data.
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

    # A web server. Its files come into the image because its configuration names them.
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

    # An image from a registry, to build on.
    nixFromDockerHub = pullImage nixOfDockerHub;

    # The same, fetched again whenever the fetcher changes. For tests only: it wastes bandwidth.
    testNixFromDockerHub = testers.invalidateFetcherByDrvHash pullImage nixOfDockerHub;

    # More than one package at the root.
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

    # Nix that knows what is in the store of the image.
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

    # A package on top of an image from a registry.
    onTopOfPulledImage = buildImage {
      name = "onTopOfPulledImage";
      tag = "latest";
      fromImage = examples.nixFromDockerHub;
      copyToRoot = binOf [ hello ];
    };

    # Quotes and parentheses in both scripts, which have to reach the shell as they are.
    runAsRootExtraCommands = buildImage {
      name = "runAsRootExtraCommands";
      tag = "latest";
      copyToRoot = binOf [ coreutils ];
      runAsRoot = ''echo "(runAsRoot)" > runAsRoot'';
      extraCommands = ''echo "(extraCommand)" > extraCommands'';
    };

    # The time of the build. Such an image is another one each time.
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

    # Layers that other images may share.
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

    # One that does.
    another-layered-image = buildLayeredImage {
      name = "another-layered-image";
      tag = "latest";
      config.Cmd = [ "${hello}/bin/hello" ];
    };

    layered-on-top = buildImage (onTopOfLayered // { name = "layered-on-top"; });

    layered-on-top-layered = buildLayeredImage (
      onTopOfLayered // { name = "layered-on-top-layered"; }
    );

    # A script of root with nothing else to put on top.
    runAsRootParentImage = buildImage {
      name = "runAsRootParentImage";
      tag = "latest";
      fromImage = examples.bash;
      runAsRoot = "touch /example-file";
    };

    # Three images on top of each other: each has the files of those below that it does not replace.
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

    # Scripts of root in three images on top of each other: each sees what those below did.
    layersUnpackOrder = ordered (ordered (ordered null "a") "b") "c";

    # The environment of the image below, and what the image itself says.
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

    # As few layers as can be: one for all store paths, one for the contents.
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

    # More packages than layers.
    bulk-layer = buildLayeredImage {
      name = "bulk-layer";
      tag = "latest";
      maxLayers = 2;
      contents = [
        coreutils
        hello
      ];
    };

    # The layers of the image below count.
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

    # Programs outside of the store. What the script runs is not in the image, since nothing names it.
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

    # Store paths that are files, unchanged to the last bit.
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

    # The compressions. A package as `copyToRoot` is in the image twice; `buildEnv` avoids that.
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

    # Without a tag the image has the hash of its own store path.
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

    # A user, as the files in /etc have it that programs ask.
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

    # For another kind of processor than that of the machine that builds.
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

    # A store path that is a symlink itself.
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

    # Names with a registry in front.
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

    # A home that belongs to its user, and a store path that only the script names.
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

    # Several images in one archive.
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

    # With the store, and for a machine that brings the store itself.
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

    # /etc as NixOS makes it: links to /etc/static, which leads to the generated files. The command is
    # a derivation and not a list, which engines take for a list of one.
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

    # Scripts that name places as they are in the image.
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

    # The files of an image as one tar.
    exportBash = exportImage { fromImage = examples.bash; };

    # Files that are no package.
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

    # An image that says it is for another kind of processor.
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

    # What programs need that talk TLS.
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
