[% extends "flake.nix.j2" %]
[% block builder %]pkgs.buildGoModule[% endblock %]
[% block program %]
            # Of the modules in go.sum. When they have changed, `nix build` says what it is now.
            vendorHash = "sha256-uLgJbFb2f7+yYe1cpgrneBKiUETUBBEBi1QruXkXLoQ=";
            doCheck = false; # `make test` boots virtual machines
[% endblock %]
