# The builder of a derivation that names none.
genericBuild
