// SPDX-License-Identifier: [= cookiecutter.license =]
// Compiles the BPF program and writes its skeleton, a Rust module, before cargo compiles main.rs.
use std::env;
use std::error::Error;
use std::path::PathBuf;

use libbpf_cargo::SkeletonBuilder;

const PROGRAM: &str = "src/minimal.bpf.c";

fn main() -> Result<(), Box<dyn Error>> {
    let skeleton = PathBuf::from(env::var("OUT_DIR")?).join("minimal.skel.rs");
    let clang = env::var("CLANG").unwrap_or("clang".into());
    // <linux/bpf.h> needs <asm/types.h>, which Debian keeps in a directory for each architecture.
    let architecture = env::var("CARGO_CFG_TARGET_ARCH")?;
    let headers = format!("/usr/include/{architecture}-linux-gnu");

    SkeletonBuilder::new()
        .source(PROGRAM)
        .clang(clang)
        .clang_args(["-fdebug-compilation-dir=.", "-idirafter", &headers])
        .build_and_generate(skeleton)?;

    println!("cargo::rerun-if-changed={PROGRAM}");
    println!("cargo::rerun-if-env-changed=CLANG");
    Ok(())
}
