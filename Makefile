# What a person types. Each command installs what it lacks (Debian packages, as root) and says so.

.DEFAULT_GOAL := help
.PHONY: help builder demo test bench lint

# The static program that tests/host-pkgs, demo/ and benches/ use: it needs no library of the machine.
triple := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
target_directory := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
program := $(abspath $(target_directory)/$(triple)/release/builder)
export NIX_IMAGE_BUILDER_BINARY := $(program)

define compile
@test -e $(program) || echo 'Compiling builder, which takes a minute' >&2
@RUSTFLAGS='-C target-feature=+crt-static' cargo build --quiet --release --target $(triple)
endef

help:
	@echo 'make demo      build an image of a Redis server, run it in Docker and talk to it'
	@echo 'make test      run every test, through real Nix, Docker, skopeo and umoci'
	@echo 'make builder   compile the program that builds images'
	@echo 'make bench     measure it against rsync, GNU tar, sha256sum, jq, pigz and zstd'
	@echo 'make lint      check the formatting, the code, and the licences of what it uses'
	@echo
	@echo 'demo and test need root, for the Nix store and a Docker daemon of their own.'

builder:
	@tests/tools/install builder
	$(compile)
	@echo "  $(program)" >&2

demo:
	@tests/tools/install builder nix docker demo
	$(compile)
	@demo/run

test:
	@tests/tools/install builder nix docker vm test
	$(compile)
	@tests/run

bench:
	@tests/tools/install builder bench
	$(compile) --bins --examples
	@benches/compare
	@benches/streams

lint:
	@tests/tools/install builder
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	tests/tools/cargo-deny --all-features check licenses bans sources
