[% extends "flake.nix.j2" %]
[% block settings %]
[% include "static.nix.j2" %]
[% endblock %]
[% block builder %]pkgs.rustPlatform.buildRustPackage[% endblock %]
[% block program %]
            cargoLock.lockFile = ./Cargo.lock;
            doCheck = false; # `make test` needs virtual machines
[% endblock %]
[% block linters %]
          clippy
          rustfmt
[% endblock %]
