# Lets callers of a function that takes `outputHash` and `outputHashAlgo` say `hash` or `sha256`, for
# package sets whose `lib.fetchers` cannot.
{ lib }:

# Options that only newer sets know.
{ }:

# The function.
function:

let
  pair = outputHash: outputHashAlgo: { inherit outputHash outputHashAlgo; };

  # How each way to name a hash becomes the two attributes.
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
