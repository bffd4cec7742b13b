{
  callPackage,
  dockerTools,
  lib,
  overlay,
  pkgs,
}:

let
  digest = "sha256:${lib.concatStrings (lib.genList (_: "a") 64)}";
  base16 = lib.concatStrings (lib.genList (_: "0") 64);
  base64 = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

  arguments = {
    imageName = "registry.example.com:5000/some/image";
    imageDigest = digest;
  };
  pull = more: dockerTools.pullImage (arguments // more);
  pulled = pull { hash = base64; };

  # As another Nix evaluates it.
  by =
    nixVersion:
    ((pkgs.extend overlay).extend (_final: _prev: { inherit nixVersion; })).dockerTools.pullImage;
  newer = by "2.18.0" (arguments // { hash = base64; });
  older = by "2.17.1" (arguments // { hash = base64; });

  # What a set has whose `lib.fetchers` knows one kind of hash only.
  own = callPackage ../../nix/internal/withNormalizedHash.nix { } { };
  echoed = own (
    {
      a,
      outputHash,
      outputHashAlgo,
    }:
    {
      inherit a outputHash outputHashAlgo;
    }
  );
in
{
  "the builder of a pulled image is `builder`" = {
    expr = {
      program = baseNameOf pulled.drvAttrs.builder;
      inherit (pulled.drvAttrs) args name outputHashMode;
      proxies = lib.elem "https_proxy" pulled.drvAttrs.impureEnvVars;
    };
    expected = {
      program = "builder";
      args = [ "pull" ];
      name = "docker-image-registry.example.com-5000-some-image-latest.tar";
      outputHashMode = "flat";
      proxies = true;
    };
  };

  "a pull request says what nixpkgs would tell skopeo" = {
    expr = removeAttrs pulled.drvAttrs.pull [
      "skopeo"
      "certificates"
    ];
    expected = {
      source = "docker://registry.example.com:5000/some/image@${digest}";
      destination = "registry.example.com:5000/some/image:latest";
      os = "linux";
      arch = pkgs.go.GOARCH;
      variant = "";
      tlsVerify = true;
      authFile = null;
    };
  };

  "everything that a pull can be told reaches it" = {
    expr =
      let
        all = pull {
          sha256 = base16;
          os = "windows";
          arch = "arm";
          variant = "v7";
          finalImageName = "other";
          finalImageTag = "3";
          tlsVerify = false;
          authFile = "/etc/secret.json";
          name = "given";
        };
      in
      {
        inherit (all.drvAttrs) name imageName imageTag;
        pull = removeAttrs all.drvAttrs.pull [
          "skopeo"
          "certificates"
        ];
      };
    expected = {
      name = "given";
      imageName = "other";
      imageTag = "3";
      pull = {
        source = "docker://registry.example.com:5000/some/image@${digest}";
        destination = "other:3";
        os = "windows";
        arch = "arm";
        variant = "v7";
        tlsVerify = false;
        authFile = "/etc/secret.json";
      };
    };
  };

  "a pulled image is the same whichever way its hash is given" = {
    expr = lib.unique (
      map (given: (pull given).outPath) [
        { hash = base64; }
        { sha256 = base16; }
        {
          outputHash = base16;
          outputHashAlgo = "sha256";
        }
      ]
    );
    expected = [ pulled.outPath ];
  };

  "what a pulled image is called does not depend on where it comes from" = {
    expr =
      (pull {
        hash = base64;
        imageName = "mirror.example.com/some/image";
        finalImageName = arguments.imageName;
        authFile = "/etc/secret.json";
      }).outPath;
    expected = pulled.outPath;
  };

  "Nix looks for no references in a pulled image, from 2.18 on" = {
    expr = {
      newer = newer.drvAttrs.unsafeDiscardReferences.out;
      older = older.drvAttrs ? unsafeDiscardReferences;
    };
    expected = {
      newer = true;
      older = false;
    };
  };

  "`builder` looks for them before that" = {
    expr =
      let
        graph = map (input: input.outPath) older.drvAttrs.exportReferencesGraph.graph;
      in
      {
      newer = newer.drvAttrs ? exportReferencesGraph;
      older = map (input: lib.elem input.outPath graph) [
        pkgs.skopeo
        pkgs.cacert
        pkgs.stdenvNoCC
      ];
    };
    expected = {
      newer = false;
      older = [
        true
        true
        true
      ];
    };
  };

  "an image is pulled to the same place by every version of Nix" = {
    expr = [
      newer.outPath
      older.outPath
    ];
    expected = [
      pulled.outPath
      pulled.outPath
    ];
  };

  "`overrideAttrs` of a pulled image reaches skopeo" = {
    expr = (pulled.overrideAttrs { sourceURL = "docker://else@${digest}"; }).drvAttrs.pull.source;
    expected = "docker://else@${digest}";
  };

  "an unknown argument of pullImage is refused" = {
    expr = (pull { hash = base64; imageTag = "1"; }).drvPath;
    expectedError = "called with unexpected argument 'imageTag'";
  };

  "credentials are not copied to the store" = {
    expr = (pull { hash = base64; authFile = ./pullImage.nix; }).drvPath;
    expectedError = "pullImage: `authFile` of image `registry.example.com:5000/some/image` is a path, which Nix would copy to its store";
  };

  "a set that knows one kind of hash only gets the others" = {
    expr = map echoed [
      {
        a = 1;
        hash = "x";
      }
      {
        a = 1;
        sha256 = "x";
      }
      {
        a = 1;
        outputHash = "x";
        outputHashAlgo = "sha512";
      }
    ];
    expected =
      map
        (outputHashAlgo: {
          a = 1;
          outputHash = "x";
          inherit outputHashAlgo;
        })
        [
          null
          "sha256"
          "sha512"
        ];
  };

  "such a set too says which arguments there are" = {
    expr = lib.functionArgs echoed;
    expected = {
      a = false;
      hash = true;
      outputHash = true;
      outputHashAlgo = true;
      sha256 = true;
    };
  };

  "two hashes are one too many" = {
    expr = echoed {
      a = 1;
      hash = "x";
      sha256 = "x";
    };
    expectedError = "pass exactly one of hash, outputHash, sha256; given: hash, sha256";
  };

  "no hash is one too few" = {
    expr = echoed { a = 1; };
    expectedError = "pass exactly one of hash, outputHash, sha256; given: none";
  };

  "an image is pulled on a set without normalized hashes" = {
    expr =
      let
        oldLib = lib // {
          fetchers = removeAttrs lib.fetchers [ "withNormalizedHash" ];
        };
        old = (pkgs.extend overlay).callPackage ../../nix { lib = oldLib; };
      in
      (old.pullImage (arguments // { hash = base64; })).outPath;
    expected = pulled.outPath;
  };
}
