# Gives the `config` of an image unchanged, and throws if a value in it is of a type that no engine
# takes. `builder` has the same table of keys, and warns of what only some engines take.
{ lib }:

{
  # The name of the image, for messages.
  name,
  # The `config` of the OCI image configuration.
  config,
}:

let
  inherit (lib)
    all
    attrValues
    isAttrs
    isBool
    isList
    isString
    ;

  keys = lib.filterAttrs (_key: about: about."in" == "oci") (
    lib.importJSON ../../src/engines/config.json
  );

  # Whether `builtins.toJSON` writes the value as a string.
  isText = value: isString value || builtins.isPath value || value ? __toString || value ? outPath;
  isSet = value: isAttrs value && !isText value;
  # Null is taken as if nothing were given.
  each = check: all (value: value == null || check value);

  types = {
    boolean = {
      check = isBool;
      wanted = "true or false";
    };
    string = {
      check = isText;
      wanted = "a string";
    };
    strings = {
      check = value: isList value && each isText value;
      wanted = "a list of strings";
    };
    # Docker takes a string, too.
    command = {
      check = value: isText value || types.strings.check value;
      wanted = "a list of strings";
    };
    keys = {
      check = value: isSet value && each isSet (attrValues value);
      wanted = "a set of empty sets";
    };
    labels = {
      check = value: isSet value && each isText (attrValues value);
      wanted = "a set of strings";
    };
  };

  checkKey =
    key: value:
    let
      about = keys.${key};
      type = types.${about.type};
      example = lib.optionalString (about ? example) ", such as `${about.example}`";
    in
    lib.throwIfNot (
      value == null || type.check value
    ) "in docker image `${name}`: `config.${key}` is ${builtins.toJSON value}; it has to be ${type.wanted}${example}. No engine takes such an image." value;
in
lib.throwIfNot (config == null || isSet config)
  "in docker image `${name}`: `config` is ${builtins.toJSON config}; it has to be a set, such as `{ Cmd = [ \"/bin/sh\" ]; }`."
  (
    if config == null then
      null
    else
      lib.mapAttrs (key: value: if keys ? ${key} then checkKey key value else value) config
  )
