[% extends "flake.nix.j2" %]
[% block inputs %]
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    eunomia-bpf.url = "github:eunomia-bpf/eunomia-bpf";
  };
[% endblock %]
[% block arguments %]
{
      self,
      nixpkgs,
      eunomia-bpf,
    }[% endblock %]
[% block settings %]
        WASM_CC =
          let
            inherit (pkgs.pkgsCross.wasi32.stdenv) cc;
          in
          "${cc}/bin/${cc.targetPrefix}cc -idirafter ${pkgs.linuxHeaders}/include";
[% endblock %]
[% block tools %]
              eunomia-bpf.packages.${stdenv.hostPlatform.system}.ecc
              eunomia-bpf.packages.${stdenv.hostPlatform.system}.ecli
              llvm
[% endblock %]
[% block libraries %]
[% endblock %]
[% block install %]
            # The program is a script that needs the other files in its directory.
            installPhase = ''
              mkdir -p $out/bin $out/libexec
              cp --no-dereference build/[= cookiecutter.name =] build/ecli build/package.json $out/libexec
              ln -s ../libexec/[= cookiecutter.name =] $out/bin
            '';
[% endblock %]
[% block linters %]
          shellcheck
[% endblock %]
