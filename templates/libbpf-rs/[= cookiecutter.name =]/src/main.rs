// SPDX-License-Identifier: [= cookiecutter.license =]
// Loads the BPF program into the kernel, attaches it and waits for Ctrl-C or SIGTERM.
use std::io;
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context, Error, Result, anyhow};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, value_parser};
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{ErrorKind, PrintLevel, set_print};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};

mod minimal {
    include!(concat!(env!("OUT_DIR"), "/minimal.skel.rs"));
}

#[derive(Parser)]
#[command(about)] // the description in Cargo.toml
struct Options {
    /// Follow process N only (0: every process)
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = value_parser!(i32).range(0..), allow_negative_numbers = true)]
    pid: i32,
}

static LIBBPF_LOG: Mutex<String> = Mutex::new(String::new());

// Keeps libbpf's log, which is shown only for failures that one line cannot explain.
fn keep_log(_: PrintLevel, message: String) {
    LIBBPF_LOG.lock().unwrap().push_str(&message);
}

fn with_log(message: &'static str, error: libbpf_rs::Error) -> Error {
    eprint!("{}", LIBBPF_LOG.lock().unwrap());
    Error::new(error).context(message)
}

fn explain_load(error: libbpf_rs::Error) -> Error {
    // EACCES has the same ErrorKind, but it means that the verifier rejected the program.
    let not_permitted = io::Error::from(Errno::EPERM).to_string();
    if format!("{error:#}").ends_with(&not_permitted) {
        anyhow!("not permitted to load BPF programs: run it as root, for example with sudo")
    } else {
        with_log("the kernel rejected the BPF program", error)
    }
}

fn explain_attach(error: libbpf_rs::Error) -> Error {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            anyhow!("not permitted to attach BPF programs: run it as root, for example with sudo")
        }
        ErrorKind::NotFound => anyhow!(
            "tracepoint not found: is tracefs mounted? \
             sudo mount -t tracefs tracefs /sys/kernel/tracing"
        ),
        _ => with_log("cannot attach the BPF program", error),
    }
}

fn run(pid: i32) -> Result<()> {
    // Blocked signals wait for stop.wait(), so none is lost, even before the program is attached.
    let stop = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    stop.thread_block()?;

    set_print(Some((PrintLevel::Info, keep_log)));
    let mut object = MaybeUninit::uninit();
    let mut open = minimal::MinimalSkelBuilder::default()
        .open(&mut object)
        .context("cannot open the BPF object")?;
    let constants = open.maps.rodata_data.as_deref_mut();
    let constants = constants.context("the BPF object has no constants")?;
    constants.pid_filter = pid;

    let mut skeleton = open.load().map_err(explain_load)?;
    skeleton.attach().map_err(explain_attach)?;
    println!("Attached to write(). `make trace` shows the events, Ctrl-C stops.");
    stop.wait()?;
    Ok(())
}

fn main() -> ExitCode {
    let options = Options::try_parse().unwrap_or_else(|mut error| {
        let usage = Options::command().render_usage();
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
        error.exit()
    });
    match run(options.pid) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", env!("CARGO_PKG_NAME"));
            ExitCode::FAILURE
        }
    }
}
