# The platform an image is for, in the words of Go's GOARCH and GOARM, as the OCI image
# specification wants them.
{ go, lib }:

{
  os = "linux";
  architecture = go.GOARCH;
  variant = lib.optionalString (go.GOARM or "" != "") "v${go.GOARM}";
}
