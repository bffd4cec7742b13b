# Gives the end of an image archive's name, for each compressor that `builder` has.
{ }:

{
  # The name of the image, for the message.
  name,
  # The compressor, as the user gave it.
  compressor,
}:

let
  extensions = {
    none = "";
    gz = ".gz";
    zstd = ".zst";
  };
in
extensions.${compressor}
  or (throw "in docker image ${name}: compressor must be one of: [${toString (builtins.attrNames extensions)}]")
