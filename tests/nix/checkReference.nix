# Names and tags, of each function that makes an image. What engines say of the same ones stands in
# `tests/engines`.
{ dockerTools, lib }:

let
  functions = {
    inherit (dockerTools) buildImage buildLayeredImage streamLayeredImage;
  };

  # Nix cannot look into a message, so each wrong one is a test.
  refused =
    what: message: arguments:
    lib.mapAttrs' (function: build: {
      name = "${what} is an error of ${function}";
      value = {
        expr = (build arguments).drvPath;
        expectedError = message;
      };
    }) functions;

  wrongTag =
    tag: example:
    refused "the tag ${builtins.toJSON tag}"
      "in docker image `app`: `tag` is `${tag}`, which no engine takes: a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`; write for example `${example}`."
      {
        name = "app";
        inherit tag;
      };

  wrongName =
    name:
    refused "the name ${builtins.toJSON name}" "dockerTools: the `name` of an image is `${name}`, which no engine takes: " {
      inherit name;
      tag = "1";
    };

  # What a pulled image is called.
  wrongPulled = arguments: message: {
    "pullImage with ${builtins.toJSON arguments} is an error" = {
      expr =
        (dockerTools.pullImage (
          {
            imageName = "app";
            imageDigest = "sha256:${long}";
            sha256 = lib.concatStrings (lib.genList (_: "0") 64);
          }
          // arguments
        )).drvPath;
      expectedError = message;
    };
  };

  long = lib.concatStrings (lib.genList (_: "a") 128);

  taken = map ({ name, tag }: (dockerTools.buildImage { inherit name tag; }).imageTag) [
    {
      name = "app";
      tag = "v1.2.0-rc_1";
    }
    {
      name = "Registry.example.com:5000/Team/app__x/a---b.c";
      tag = long;
    }
    {
      name = "localhost/1";
      tag = "_";
    }
    {
      name = "ho_st.com/a";
      tag = "A";
    }
  ];
in
{
  "names and tags of the reference grammar are taken" = {
    expr = taken;
    expected = [
      "v1.2.0-rc_1"
      long
      "_"
      "A"
    ];
  };
}
// refused "a tag that is a number" "in docker image `app`: `tag` is 1; it has to be a string, such as \"1.0\"." {
  name = "app";
  tag = 1;
}
// refused "a name that is a number" "dockerTools: the `name` of an image is 1; it has to be a string" {
  name = 1;
}
// wrongPulled { finalImageName = "Team/App"; } "dockerTools: the `finalImageName` of an image is `Team/App`, which no engine takes: "
// wrongPulled { imageName = "registry.example.com/Team/App"; } "dockerTools: the `finalImageName` of an image is `registry.example.com/Team/App`, which no engine takes: "
// wrongPulled { finalImageTag = "1+2"; } "in docker image `app`: `finalImageTag` is `1+2`, which no engine takes: "
// wrongTag "1.2.0+20240115" "1.2.0-20240115"
// wrongTag "1~rc1" "1-rc1"
// wrongTag ".1" "1.0"
// wrongTag "feature/x" "feature-x"
// wrongTag "a b" "a-b"
// wrongTag "${long}a" "1.0"
// wrongName "-app"
// wrongName "a//b"
// wrongName "a..b"
// wrongName "a___b"
// wrongName "app."
// wrongName "host:port/a"
// wrongName "/a"
// wrongName "a b"
// wrongName "docker://a"
