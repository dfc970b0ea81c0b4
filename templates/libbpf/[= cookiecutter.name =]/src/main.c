[% from "quote.j2" import string %]
// SPDX-License-Identifier: [= cookiecutter.license =]
// Loads the BPF program into the kernel, attaches it and waits for Ctrl-C or SIGTERM.
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "minimal.skel.h"

enum { EXIT_USAGE = 2 };

static char *libbpf_log;
static size_t libbpf_log_size;
static FILE *libbpf_log_stream;

static void print_usage(FILE *stream)
{
	fputs("Usage: [= cookiecutter.name =] [--pid N]\n"
[% if cookiecutter.description %]
[# Two question marks in a row could begin a C trigraph. #]
[% set description = string(cookiecutter.description) %]
	      [= description | replace("?", "\\?") if "??" in description else description =]
	      "\n"
[% endif %]
	      "\n"
	      "  --pid N  follow process N only (0, the default: every process)\n"
	      "  --help   show this help\n",
	      stream);
}

static pid_t parse_pid(const char *text)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno || end == text || *end != '\0' || pid < 0 || pid > INT_MAX) {
		warnx("invalid --pid '%s': expected a process ID, or 0 for every process", text);
		print_usage(stderr);
		exit(EXIT_USAGE);
	}
	return pid;
}

static pid_t parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	pid_t pid = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			pid = parse_pid(optarg);
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
	return pid;
}

// Keeps libbpf's log, which is shown only for failures that one line cannot explain.
static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(libbpf_log_stream, format, arguments);
}

static void warn_with_log(const char *message, int error)
{
	fflush(libbpf_log_stream);
	fputs(libbpf_log, stderr);
	warnx("%s: %s", message, strerror(-error));
}

static int load(struct minimal_bpf *skel)
{
	int error = minimal_bpf__load(skel);

	if (error == -EPERM)
		warnx("not permitted to load BPF programs: run it as root, for example with sudo");
	else if (error)
		warn_with_log("the kernel rejected the BPF program", error);
	return error;
}

static int attach(struct minimal_bpf *skel)
{
	int error = minimal_bpf__attach(skel);

	if (error == -EPERM || error == -EACCES)
		warnx("not permitted to attach BPF programs: run it as root, for example with sudo");
	else if (error == -ENOENT)
		warnx("tracepoint not found: is tracefs mounted? "
		      "sudo mount -t tracefs tracefs /sys/kernel/tracing");
	else if (error)
		warn_with_log("cannot attach the BPF program", error);
	return error;
}

int main(int argc, char **argv)
{
	pid_t pid = parse_arguments(argc, argv);
	struct minimal_bpf *skel;
	int status = EXIT_FAILURE;
	sigset_t stop;
	int signal;

	// Blocked signals wait for sigwait(), so none is lost, even before the program is attached.
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);

	libbpf_log_stream = open_memstream(&libbpf_log, &libbpf_log_size);
	if (!libbpf_log_stream)
		err(EXIT_FAILURE, "cannot allocate memory for the log");
	libbpf_set_print(keep_log);

	skel = minimal_bpf__open();
	if (!skel)
		err(EXIT_FAILURE, "cannot open the BPF object");
	skel->rodata->pid_filter = pid;

	if (load(skel) == 0 && attach(skel) == 0) {
		puts("Attached to write(). `make trace` shows the events, Ctrl-C stops.");
		fflush(stdout);
		sigwait(&stop, &signal);
		status = EXIT_SUCCESS;
	}

	minimal_bpf__destroy(skel);
	return status;
}
