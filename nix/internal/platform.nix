# Gives the platform that an image is for, by the names in Go's GOARCH and GOARM, as the OCI image
# specification requires.
{ go, lib }:

{
  os = "linux";
  architecture = go.GOARCH;
  variant = lib.optionalString (go.GOARM or "" != "") "v${go.GOARM}";
}
