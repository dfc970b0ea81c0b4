// SPDX-License-Identifier: [= cookiecutter.license =]
// A WASM module that contains the BPF program, and calls ecli to load and attach it.
#include <linux/elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ECLI(function) __attribute__((import_module("wasm_bpf"), import_name(#function))) function

// The functions that ecli provides.
uint64_t ECLI(wasm_load_bpf_object)(const void *object, uint32_t size);
int32_t ECLI(wasm_attach_bpf_program)(uint64_t object, const char *program, const char *target);

static unsigned char object[] = {
#include "minimal.bpf.inc"
};

// Finds the value of a variable in the ELF file, where it can be changed until ecli loads the file.
static void *find_variable(const char *name)
{
	const Elf64_Ehdr *header = (void *)object;
	const Elf64_Shdr *sections = (void *)(object + header->e_shoff);

	for (int i = 0; i < header->e_shnum; i++) {
		const Elf64_Sym *symbols = (void *)(object + sections[i].sh_offset);
		const char *names = (char *)object + sections[sections[i].sh_link].sh_offset;

		if (sections[i].sh_type != SHT_SYMTAB)
			continue;
		for (size_t n = 0; n < sections[i].sh_size / sizeof(*symbols); n++)
			if (strcmp(names + symbols[n].st_name, name) == 0)
				return object + sections[symbols[n].st_shndx].sh_offset +
				       symbols[n].st_value;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t program;

	// ecli passes only the arguments after `--`, without the name of the module.
	if (argc == 2 && strcmp(argv[0], "--pid_filter") == 0) {
		*(int32_t *)find_variable("pid_filter") = atoi(argv[1]);
	} else if (argc > 0) {
		fputs("Usage: ecli run MODULE [-- --pid_filter N]\n", stderr);
		return EXIT_FAILURE;
	}

	program = wasm_load_bpf_object(object, sizeof(object));
	if (!program || wasm_attach_bpf_program(program, "handle_tp", NULL) < 0) {
		fputs("error: cannot load or attach the BPF program\n", stderr);
		return EXIT_FAILURE;
	}
	puts("Attached to write(). `make trace` shows the events, Ctrl-C stops.");

	// Wait until Ctrl-C, on which ecli ends the module.
	for (;;)
		usleep(100000);
}
