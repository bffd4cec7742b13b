# Gives a time unchanged, and throws if it does not look like one. `builder` reads the time, and
# refuses one that is not valid.
{ lib }:

{
  # The name of the image, for messages.
  name,
  # The name of the argument, for messages.
  argument,
  # A time, or `now`.
  value,
}:

lib.throwIfNot
  (
    lib.isString value
    && (value == "now" || lib.match "@-?[0-9]+|[+-]?[0-9]{4,6}-?[0-9]{2}-?[0-9]{2}.*" value != null)
  )
  "in docker image `${name}`: `${argument}` is ${builtins.toJSON value}, which is no time; write it as `2024-01-31T12:00:00Z`, `2024-01-31`, `20240131`, `@` and seconds since 1970, or `now`."
  value
