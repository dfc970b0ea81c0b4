[% from "quote.j2" import string %]
// SPDX-License-Identifier: [= cookiecutter.license =]

// Command [= cookiecutter.name =] loads the BPF program into the kernel, attaches it and waits for Ctrl-C or SIGTERM.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

// bpf2go writes minimal_bpfel.go: the compiled BPF program, and the types that load it.
//go:generate go tool bpf2go -target bpfel -no-strip minimal src/minimal.bpf.c

const usage = "Usage: [= cookiecutter.name =] [--pid N]\n" +
[% if cookiecutter.description %]
[# Go allows a byte order mark only at the start of a file. #]
	[= string(cookiecutter.description) | replace("\ufeff", "\\ufeff") =] + "\n" +
[% endif %]
	"\n" +
	"  --pid N  follow process N only (0, the default: every process)\n" +
	"  --help   show this help\n"

const exitUsage = 2

func main() {
	pid := parseArguments()
	if err := run(pid); err != nil {
		fmt.Fprintln(os.Stderr, "[= cookiecutter.name =]:", err)
		os.Exit(1)
	}
}

func printUsage(stream io.Writer) {
	fmt.Fprintf(stream, "%s", usage)
}

func parseArguments() (pid int32) {
	flag.Usage = func() { printUsage(flag.CommandLine.Output()) }
	flag.BoolFunc("help", "", func(string) error {
		printUsage(os.Stdout)
		os.Exit(0)
		return nil
	})
	flag.Func("pid", "", func(text string) error {
		number, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return errors.New("expected a process ID, or 0 for every process")
		}
		pid = int32(number)
		return nil
	})
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unexpected argument %q\n", flag.Arg(0))
		printUsage(os.Stderr)
		os.Exit(exitUsage)
	}
	return pid
}

func run(pid int32) error {
	// Signals wait in the channel, so none is lost, even before the program is attached.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)

	objects, err := load(pid)
	if err != nil {
		return err
	}
	defer objects.Close()

	tracepoint, err := link.Tracepoint("syscalls", "sys_enter_write", objects.HandleTp, nil)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errors.New("not permitted to attach BPF programs: run it as root, for example with sudo")
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("tracepoint not found: is tracefs mounted? sudo mount -t tracefs tracefs /sys/kernel/tracing")
	case err != nil:
		return fmt.Errorf("cannot attach the BPF program: %w", err)
	}
	defer tracepoint.Close()

	fmt.Println("Attached to write(). `make trace` shows the events, Ctrl-C stops.")
	<-stop
	return nil
}

// load loads the BPF program into the kernel, with pid in its constant pid_filter.
func load(pid int32) (*minimalObjects, error) {
	spec, err := loadMinimal()
	if err != nil {
		return nil, err
	}
	if err := spec.Variables["pid_filter"].Set(pid); err != nil {
		return nil, err
	}

	// Before Linux 5.11, BPF programs count as locked memory, which has a low limit.
	err = rlimit.RemoveMemlock()
	var objects minimalObjects
	if err == nil {
		err = spec.LoadAndAssign(&objects, nil)
	}
	var rejection *ebpf.VerifierError
	switch {
	case errors.Is(err, syscall.EPERM):
		return nil, errors.New("not permitted to load BPF programs: run it as root, for example with sudo")
	case errors.As(err, &rejection):
		return nil, fmt.Errorf("the kernel rejected the BPF program: %+v", rejection)
	case err != nil:
		return nil, fmt.Errorf("cannot load the BPF program: %w", err)
	}
	return &objects, nil
}
