# The types of `config`: what no engine takes is an error before anything is built.
{ dockerTools, lib, pkgs }:

let
  inherit (dockerTools) buildImage streamLayeredImage;

  build = function: config: function {
    name = "app";
    inherit config;
  };

  refused = key: value: wanted: {
    name = "`config.${key} = ${builtins.toJSON value}` is an error";
    value = {
      expr = (build buildImage { ${key} = value; }).drvPath;
      expectedError = "in docker image `app`: `config.${key}` is ${builtins.toJSON value}; it has to be ${wanted}. No engine takes such an image.";
    };
  };

  strings = "a list of strings";
  env = "${strings}, such as `[ \"NAME=value\" ]`";
  ports = "a set of empty sets, such as `{ \"80/tcp\" = { }; }`";
  user = "a string, such as `\"1000:1000\"`";
in
{
  "what is a string in JSON is one, and null is as good as nothing" = {
    expr = lib.isString (build buildImage {
      Cmd = [
        ./checkConfig.nix
        pkgs.hello
        null
      ];
      Entrypoint = null;
      User = "1000";
      Labels = {
        hello = pkgs.hello;
        text.__toString = _: "x";
      };
      ExposedPorts."80/tcp" = { };
      Volumes."/data" = null;
      # A key that nobody knows, and one that not every engine reads.
      Other = 1;
      Healthcheck.Interval = "30s";
    }).drvPath;
    expected = true;
  };

  "a config that is no set is an error" = {
    expr = (build streamLayeredImage "/bin/sh").drvPath;
    expectedError = "in docker image `app`: `config` is \"/bin/sh\"; it has to be a set, such as `{ Cmd = [ \"/bin/sh\" ]; }`.";
  };

  "a config of the wrong type is an error of streamed images too" = {
    expr = (build streamLayeredImage { User = 1000; }).drvPath;
    expectedError = "in docker image `app`: `config.User` is 1000; it has to be ${user}.";
  };

  "a string in the place of a command is left to `builder`, since Docker takes it" = {
    expr = lib.isString (build buildImage { Cmd = "/bin/sh"; }).drvPath;
    expected = true;
  };
}
// lib.listToAttrs [
  (refused "User" 1000 user)
  (refused "User" [ "a" ] user)
  (refused "Env" { A = "1"; } env)
  (refused "Env" "A=1" env)
  (refused "Env" [ 1 ] env)
  (refused "Cmd" [ "sleep" 1 ] strings)
  (refused "Entrypoint" 1 strings)
  (refused "ExposedPorts" [ "80/tcp" ] ports)
  (refused "ExposedPorts" { "80/tcp" = 1; } ports)
  (refused "Volumes" "/data" "a set of empty sets, such as `{ \"/data\" = { }; }`")
  (refused "Labels" { revision = 5; } "a set of strings")
  (refused "Labels" [ "a=b" ] "a set of strings")
  (refused "WorkingDir" true "a string, such as `\"/app\"`")
  (refused "StopSignal" 15 "a string, such as `\"SIGTERM\"`")
  (refused "ArgsEscaped" "true" "true or false")
]
