# SPDX-License-Identifier: BSD-2-Clause
# A static ecli for arm64, like the one in the releases of eunomia-bpf: docker build --build-arg ECLI=0.2.9 --output DIRECTORY .
FROM docker.io/library/debian:trixie AS build
RUN dpkg --add-architecture arm64 \
    && apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates cargo gcc gcc-aarch64-linux-gnu libc6-dev \
        libelf-dev:arm64 libstd-rust-dev:arm64 make perl pkg-config zlib1g-dev:arm64
ARG ECLI
ENV PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu=/usr/lib/aarch64-linux-gnu/pkgconfig \
    PKG_CONFIG_ALLOW_CROSS=1 \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
RUN RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-l:libelf.a -C link-arg=-l:libz.a -C link-arg=-l:libzstd.a -C link-arg=-Wl,--defsym=eu_search_tree_init=getpid -C link-arg=-Wl,--defsym=eu_search_tree_fini=getpid" \
    CARGO_PROFILE_RELEASE_STRIP=true \
    cargo install ecli-rs --version "=$ECLI" --locked --no-default-features --features native \
    --target aarch64-unknown-linux-gnu --root /out
FROM scratch
COPY --from=build /out/bin/ecli-rs /
