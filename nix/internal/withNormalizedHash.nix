# Gives a function that takes `hash` or `sha256` as well as `outputHash` with `outputHashAlgo`, for
# package sets whose `lib.fetchers` does not have it.
{ lib }:

# Newer package sets have options here, which we do not use.
{ }:

# The function, which takes `outputHash` and `outputHashAlgo`.
function:

let
  pair = outputHash: outputHashAlgo: { inherit outputHash outputHashAlgo; };

  # For each argument that gives the hash, the function that makes the two attributes from it.
  ways = {
    hash = arguments: pair arguments.hash null;
    sha256 = arguments: pair arguments.sha256 "sha256";
    outputHash = arguments: pair arguments.outputHash (arguments.outputHashAlgo or null);
  };
  names = lib.attrNames ways;
in
lib.setFunctionArgs (
  arguments:
  let
    given = lib.filter (name: arguments ? ${name}) names;
    normalized =
      if lib.length given == 1 then
        ways.${lib.head given} arguments
      else
        throw "pass exactly one of ${lib.concatStringsSep ", " names}; given: ${
          if given == [ ] then "none" else lib.concatStringsSep ", " given
        }";
  in
  function (removeAttrs arguments (names ++ [ "outputHashAlgo" ]) // normalized)
) (lib.functionArgs function // lib.genAttrs (names ++ [ "outputHashAlgo" ]) (_name: true))
