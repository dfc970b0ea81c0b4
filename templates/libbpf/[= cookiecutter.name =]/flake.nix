[% extends "flake.nix.j2" %]
[% block settings %]
[% include "static.nix.j2" %]
[% endblock %]
[% block tools %]
              bpftools
[= super() -=]
[% endblock %]
