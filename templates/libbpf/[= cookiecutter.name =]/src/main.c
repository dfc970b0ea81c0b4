[% from "quote.j2" import string %]
// SPDX-License-Identifier: [= cookiecutter.license =]
// Loads the BPF program into the kernel, attaches it and waits to be stopped.
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "minimal.skel.h"

enum { EXIT_USAGE = 2 };

struct settings {
	pid_t pid;
	bool verbose;
};

static void print_usage(FILE *stream)
{
	fputs("Usage: [= cookiecutter.name =] [--pid N] [--verbose]\n"
[% if cookiecutter.description %]
	      [= string(cookiecutter.description) =]
	      "\n"
[% endif %]
	      "\n"
	      "  --pid N    show the writes of process N only; 0, the default: of all\n"
	      "  --verbose  show what libbpf does\n"
	      "  --help     show this help\n",
	      stream);
}

static pid_t parse_pid(const char *text)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno || end == text || *end != '\0' || pid < 0 || pid > INT_MAX) {
		warnx("--pid takes a process ID, or 0 for all processes, not '%s'", text);
		print_usage(stderr);
		exit(EXIT_USAGE);
	}
	return pid;
}

static struct settings parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			settings.pid = parse_pid(optarg);
			break;
		case 'v':
			settings.verbose = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			print_usage(stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		warnx("unexpected argument '%s'", argv[optind]);
		print_usage(stderr);
		exit(EXIT_USAGE);
	}
	return settings;
}

static int load_and_attach(struct minimal_bpf *skel)
{
	int error;

	error = minimal_bpf__load(skel);
	if (error == -EPERM) {
		warnx("not permitted to load BPF programs: run it as root, for example with sudo");
		return error;
	}
	if (error) {
		warnx("cannot load the BPF program: %s (--verbose says why)", strerror(-error));
		return error;
	}

	error = minimal_bpf__attach(skel);
	if (error == -EPERM || error == -EACCES)
		warnx("not permitted to attach BPF programs: run it as root, for example with sudo");
	else if (error == -ENOENT)
		warnx("tracepoint not found; is tracefs mounted? "
		      "sudo mount -t tracefs tracefs /sys/kernel/tracing");
	else if (error)
		warnx("cannot attach the BPF program: %s (--verbose says why)", strerror(-error));
	return error;
}

int main(int argc, char **argv)
{
	struct settings settings = parse_arguments(argc, argv);
	struct minimal_bpf *skel;
	sigset_t stop;
	int error, signal;

	// Blocked from here on, a signal waits for sigwait() and is never lost.
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);

	if (!settings.verbose)
		libbpf_set_print(NULL);

	skel = minimal_bpf__open();
	if (!skel)
		err(EXIT_FAILURE, "cannot open the BPF object");
	skel->rodata->pid_filter = settings.pid;

	error = load_and_attach(skel);
	if (!error) {
		puts("Attached to write(). See the events with `make trace`, stop with Ctrl-C.");
		fflush(stdout);
		sigwait(&stop, &signal);
	}

	minimal_bpf__destroy(skel);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
