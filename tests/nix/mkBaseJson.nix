{ lib }:

let
  # What the function asks of the package set, as plain values.
  mkBaseJson = import ../../nix/internal/mkBaseJson.nix {
    inherit lib;
    writeText = name: text: {
      inherit name text;
      outPath = "/text";
    };
    mkBuilderDerivation = { command, attributes }: { inherit command; } // attributes { };
  };

  arguments = {
    baseName = "name";
    created = "1970-01-01T00:00:01Z";
    config = null;
    architecture = "amd64";
    variant = "";
  };
in
{
  "a base configuration has nixpkgs' bytes" = {
    expr = removeAttrs (mkBaseJson arguments) [ "outPath" ];
    expected = {
      name = "name-config.json";
      text = ''{"architecture":"amd64","config":null,"created":"1970-01-01T00:00:01Z","os":"linux","preferLocalBuild":true}'';
    };
  };

  "a variant is written when there is one" = {
    expr = lib.hasInfix ''"variant":"v7"'' (mkBaseJson (arguments // { variant = "v7"; })).text;
    expected = true;
  };

  "the time of the build is left to `builder`" = {
    expr = mkBaseJson (arguments // { created = "now"; });
    expected = {
      command = "base-json";
      name = "name-config.json";
      preferLocalBuild = true;
      baseJson.json = "/text";
    };
  };
}
