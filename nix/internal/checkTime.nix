# Gives back a time that an image is to have, and throws where it is none. What looks like a time
# `builder` reads.
{ lib }:

{
  # The name of the image, for messages.
  name,
  # The argument, for messages.
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
