# Gives a function that returns its argument unchanged, and throws if no engine takes the name or
# the tag of an image, by the grammar of image references. `builder` checks both again, and warns of
# what only some engines take.
{ lib }:

{
  # The name of the image, with the prefix of its registry if it has one.
  name,
  # The tag of the image. Null stands for the hash part of an output path.
  tag,
  # The arguments that have the name and the tag, for messages.
  arguments ? {
    name = "name";
    tag = "tag";
  },
  # Whether the calling function writes the name in lower case, whatever it is given.
  isLowered ? true,
}:

let
  inherit (lib) isString stringLength;

  part = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*";
  label = "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?";
  registry = "(${label}(\\.${label})*|\\[[a-fA-F0-9:]+])(:[0-9]+)?";

  isName =
    text: stringLength text <= 512 && lib.match "(${registry}/)?${part}(/${part})*" text != null;
  isTag =
    text:
    stringLength text <= 128 && lib.match "[a-zA-Z0-9_][a-zA-Z0-9_.-]*" text != null;

  # A tag that looks like the wrong one, with `-` in the place of every character that no tag has.
  similar = lib.concatMapStrings (letter: if isTag "a${letter}" then letter else "-") (
    lib.stringToCharacters tag
  );
  example = if isTag similar then similar else "1.0";
in
lib.throwIfNot (isString name)
  "dockerTools: the `${arguments.name}` of an image is ${builtins.toJSON name}; it has to be a string, such as \"registry.example.com/team/app\"."
  lib.throwIfNot
  (isName (if isLowered then lib.toLower name else name))
  "dockerTools: the `${arguments.name}` of an image is `${name}`, which no engine takes: behind a registry, if there is one, a name has parts of small letters and digits, with `.`, `_`, `__` or any number of `-` between two of these; write for example `registry.example.com/team/app`."
  lib.throwIfNot
  (tag == null || isString tag)
  "in docker image `${name}`: `${arguments.tag}` is ${builtins.toJSON tag}; it has to be a string, such as \"1.0\"."
  lib.throwIfNot
  (tag == null || isTag tag)
  "in docker image `${name}`: `${arguments.tag}` is `${tag}`, which no engine takes: a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`; write for example `${example}`."
  (value: value)
