[% extends "flake.nix.j2" %]
[% block builder %]pkgs.buildGoModule[% endblock %]
[% block program %]
            # The hash of the modules in go.sum. After a change there, `nix build` prints the new one.
            vendorHash = "sha256-uLgJbFb2f7+yYe1cpgrneBKiUETUBBEBi1QruXkXLoQ=";
            doCheck = false; # `make test` needs virtual machines
[% endblock %]
