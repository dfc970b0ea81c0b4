# SPDX-License-Identifier: BSD-2-Clause
# Replaces Nixpkgs and eunomia-bpf's flake for the flakes of generated repositories, with the programs of this
# machine. It defines only the names that these flakes use, so a wrong name is an error. The PATH of a derivation
# contains only the packages that it names, and the commands that Nixpkgs gives to every derivation.
machine:
let
  inherit (builtins)
    attrNames
    attrValues
    concatStringsSep
    isFunction
    listToAttrs
    mapAttrs
    ;

  genAttrs =
    names: value:
    listToAttrs (
      map (name: {
        inherit name;
        value = value name;
      }) names
    );

  lib = {
    inherit genAttrs;
    makeLibraryPath = packages: concatStringsSep ":" (map (package: "${package}/lib") packages);
  };

  packagesFor =
    system:
    let
      # Nix kills a builder that closes its output before it exits: `true` keeps the shell from replacing itself.
      run =
        name: script:
        derivation {
          inherit name script system;
          builder = machine.bash;
          args = [
            "-euc"
            "PATH=${machine.base}; eval \"$script\"; true"
          ];
        };
      link = path: target: "mkdir -p $(dirname $out/${path}) && ln -s '${target}' $out/${path}";
      linkFarm = name: links: run name (concatStringsSep "\n" (attrValues (mapAttrs link links)));

      # A package with commands, and a package with a pkg-config file.
      commands =
        name: names:
        linkFarm name (
          listToAttrs (
            map (command: {
              name = "bin/${command}";
              value = machine.commands.${command};
            }) names
          )
        );
      library = name: module: linkFarm name { "lib/pkgconfig/${module}.pc" = machine.modules.${module}; };
      empty = name: run name "mkdir $out";

      setup = run "stdenv" ''
        mkdir $out
        cat >$out/setup <<'END'
        PATH=
        for package in $nativeBuildInputs; do PATH=$PATH$package/bin:; done
        export PATH=$PATH${machine.base}
        PKG_CONFIG_LIBDIR=
        for package in ''${buildInputs-}; do PKG_CONFIG_LIBDIR=$PKG_CONFIG_LIBDIR$package/lib/pkgconfig:; done
        export PKG_CONFIG_LIBDIR
        ${concatStringsSep "\n" (
          map (name: "export ${name}='${machine.environment.${name}}'") (attrNames machine.environment)
        )}
        END
      '';

      mkDerivation =
        attributes:
        derivation (
          {
            inherit system;
            name = "${attributes.pname}-${attributes.version}";
            outputs = [ "out" ];
            stdenv = setup;
            builder = machine.bash;
            args = [
              "-euc"
              ''
                source $stdenv/setup
                cp -r $src source
                chmod -R u+w source
                cd source
                eval "$buildPhase"
                eval "$installPhase"
                true
              ''
            ];
          }
          // attributes
        )
        // {
          overrideAttrs =
            change: mkDerivation (attributes // (if isFunction change then change attributes else change));
        };

      withCommands = packages: attributes: {
        nativeBuildInputs = attributes.nativeBuildInputs ++ packages;
      };
    in
    {
      inherit lib linkFarm;
      stdenv = {
        inherit mkDerivation;
        hostPlatform = { inherit system; };
      };
      buildGoModule =
        { vendorHash, ... }@attributes:
        assert vendorHash != "";
        mkDerivation (
          attributes
          // withCommands [
            (commands "go" [
              "go"
              "gofmt"
            ])
          ] attributes
        );
      rustPlatform.buildRustPackage =
        { cargoLock, ... }@attributes:
        assert (fromTOML (builtins.readFile cargoLock.lockFile)).package != [ ];
        mkDerivation (
          removeAttrs attributes [ "cargoLock" ]
          // withCommands [
            (commands "cargo" [
              "cargo"
              "rustc"
            ])
          ] attributes
        );
      mkShell =
        { inputsFrom, packages, ... }@attributes:
        let
          all = name: builtins.concatMap (package: package.${name} or [ ]) inputsFrom;
        in
        mkDerivation (
          removeAttrs attributes [ "inputsFrom" ]
          // {
            pname = "shell";
            version = "0";
            nativeBuildInputs = packages ++ all "nativeBuildInputs";
            buildInputs = all "buildInputs";
          }
        );

      bashInteractive = commands "bash" [ "bash" ];
      bpftools = commands "bpftools" [ "bpftool" ];
      clang = commands "clang" [ "clang" ];
      clang-tools = commands "clang-tools" [ "clang-format" ];
      clippy = commands "clippy" [
        "cargo-clippy"
        "clippy-driver"
      ];
      llvm = commands "llvm" [ "llvm-strip" ];
      pkg-config = commands "pkg-config" [ "pkg-config" ];
      python3 = commands "python3" [ "python3" ];
      qemu_kvm = commands "qemu" [ "qemu-system-x86_64" ];
      rustfmt = commands "rustfmt" [
        "cargo-fmt"
        "rustfmt"
      ];
      shellcheck = commands "shellcheck" [ "shellcheck" ];
      ecc = commands "ecc" [ "ecc-rs" ];
      ecli = commands "ecli" [ "ecli-rs" ];
      pkgsStatic.busybox = commands "busybox" [
        "busybox"
        "ls"
      ];
      pkgsCross.wasi32.stdenv.cc =
        run "wasi-cc" ''
          mkdir -p $out/bin
          echo '#!/bin/sh
          exec ${machine.commands.clang} --target=wasm32-wasi -isystem /usr/include/wasm32-wasi "$@"' >$out/bin/wasm32-cc
          chmod +x $out/bin/wasm32-cc
        ''
        // {
          targetPrefix = "wasm32-";
        };

      elfutils = library "elfutils" "libelf";
      libbpf = library "libbpf" "libbpf";
      zlib = library "zlib" "zlib" // {
        static = empty "zlib-static";
      };
      zstd = library "zstd" "libzstd" // {
        override =
          { enableStatic }:
          assert enableStatic;
          empty "zstd-static";
      };
      glibc.static = empty "glibc-static";
      linuxHeaders = empty "linux-headers";
      linuxPackages.kernel = empty "linux";
    };

  all = genAttrs [
    "x86_64-linux"
    "aarch64-linux"
  ] packagesFor;
in
{
  inherit lib;
  legacyPackages = all;
  packages = mapAttrs (_: packages: { inherit (packages) ecc ecli; }) all;
}
