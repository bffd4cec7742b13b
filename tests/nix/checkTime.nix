# Times: what is plainly none is an error before anything is built.
{ dockerTools, lib }:

let
  inherit (dockerTools) buildImage streamLayeredImage;

  message =
    argument: value:
    "in docker image `app`: `${argument}` is ${builtins.toJSON value}, which is no time; write it as `2024-01-31T12:00:00Z`";

  refused = argument: build: value: {
    name = "`${argument} = ${builtins.toJSON value}` is an error of ${build.name}";
    value = {
      expr =
        (build.function {
          name = "app";
          ${argument} = value;
        }).drvPath;
      expectedError = message argument value;
    };
  };

  classic = {
    name = "buildImage";
    function = buildImage;
  };
  streamed = {
    name = "streamLayeredImage";
    function = streamLayeredImage;
  };
in
{
  "times that `builder` reads are handed on" = {
    expr =
      map
        (
          created:
          lib.isString
            (buildImage {
              name = "app";
              inherit created;
            }).drvPath
        )
        [
          "now"
          "1970-01-01T00:00:01Z"
          "20240115"
          "20240115101500"
          "@1705313700"
          "2024-01-15"
          "2024-01-15T10:15:00"
          "2024-01-15 10:15:00"
        ];
    expected = lib.genList (_: true) 8;
  };
}
// lib.listToAttrs (
  map (refused "created" classic) [
    ""
    "yesterday"
    "@"
    0
    null
  ]
  ++ map (refused "created" streamed) [
    ""
    "Mon Jan 15 2024"
  ]
  ++ [ (refused "mtime" streamed "") ]
)
