// SPDX-License-Identifier: BSD-2-Clause
// ecc calls bpftool in two ways that only eunomia-bpf's fork of it supports:
//
//   bpftool gen skeleton OBJECT -j              its maps, programs and variables
//   bpftool btf dump file OBJECT format c -j    the structures that its BTF describes
//
// This program prints both from the object. It passes all other calls on to the bpftool of the machine.
#include <ctype.h>
#include <err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <json-c/json.h>

// bpftool truncates the names of objects to this size.
enum { NAME_SIZE = 64 };

static void add(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static struct json_object *add_array(struct json_object *object, const char *key)
{
	struct json_object *array = json_object_new_array();

	json_object_object_add(object, key, array);
	return array;
}

static struct json_object *append_object(struct json_object *array)
{
	struct json_object *object = json_object_new_object();

	json_object_array_add(array, object);
	return object;
}

static void print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	if (fflush(stdout))
		err(EXIT_FAILURE, "cannot write");
}

static void write_piece(void *stream, const char *format, va_list arguments)
{
	vfprintf(stream, format, arguments);
}

// Adds the type in C, without the name of the variable or member: `char[16]`, `struct event *`.
static void add_type(struct json_object *object, const struct btf *btf, __u32 type, bool strip_mods)
{
	LIBBPF_OPTS(btf_dump_emit_type_decl_opts, options, .field_name = "",
		    .strip_mods = strip_mods);
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	struct btf_dump *dump = btf_dump__new(btf, write_piece, stream, NULL);

	if (!dump || btf_dump__emit_type_decl(dump, type, &options))
		errx(EXIT_FAILURE, "BTF type %u cannot be written as C", type);
	btf_dump__free(dump);
	fclose(stream);
	add(object, "type", text);
	free(text);
}

static void make_identifier(char *text)
{
	for (char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}

// libbpf names the map of a data section after the object and the section: `minimal_.rodata`.
static const char *section_of(const struct bpf_map *map)
{
	return bpf_map__is_internal(map) ? strchr(bpf_map__name(map), '.') : NULL;
}

static bool is_mapped(const struct bpf_map *map)
{
	return section_of(map) && bpf_map__map_flags(map) & BPF_F_MMAPABLE;
}

static void add_map(struct json_object *maps, const struct bpf_map *map)
{
	const char *section = section_of(map);
	struct json_object *entry;
	char ident[NAME_SIZE];

	snprintf(ident, sizeof(ident), "%s", section ? section + 1 : bpf_map__name(map));
	make_identifier(ident);
	entry = append_object(maps);
	add(entry, "name", bpf_map__name(map));
	add(entry, "ident", ident);
	if (is_mapped(map))
		json_object_object_add(entry, "mmaped", json_object_new_boolean(true));
}

static void add_program(struct json_object *programs, const struct bpf_program *program)
{
	struct json_object *entry = append_object(programs);

	add(entry, "name", bpf_program__name(program));
	add(entry, "attach", bpf_program__section_name(program));
	json_object_object_add(entry, "link", json_object_new_boolean(true));
}

// User space cannot access a static variable, because another file can have one with the same name.
static void add_data_section(struct json_object *sections, const struct btf *btf,
			     const char *section)
{
	const struct btf_type *type =
		btf__type_by_id(btf, btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC));
	struct json_object *entry, *variables;

	if (!type)
		return;
	entry = append_object(sections);
	add(entry, "name", section);
	variables = add_array(entry, "variables");
	for (int i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *variable =
			btf__type_by_id(btf, btf_var_secinfos(type)[i].type);
		struct json_object *described;

		if (btf_var(variable)->linkage == BTF_VAR_STATIC)
			continue;
		described = append_object(variables);
		add(described, "name", btf__name_by_offset(btf, variable->name_off));
		add_type(described, btf, variable->type, true);
	}
}

// The loader gives libbpf the same name, which becomes part of the names of the maps.
static void get_object_name(char name[NAME_SIZE], const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length;

	snprintf(name, NAME_SIZE, "%s", slash ? slash + 1 : path);
	length = strlen(name);
	if (length > 2 && !strcmp(name + length - 2, ".o"))
		name[length - 2] = '\0';
	make_identifier(name);
}

static void print_skeleton(const char *path)
{
	char name[NAME_SIZE];
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
	struct json_object *skeleton = json_object_new_object();
	struct json_object *sections = add_array(skeleton, "data_sections");
	struct json_object *maps = add_array(skeleton, "maps");
	struct json_object *programs = add_array(skeleton, "progs");
	struct bpf_program *program = NULL;
	struct bpf_object *object;
	struct bpf_map *map = NULL;

	get_object_name(name, path);
	add(skeleton, "obj_name", name);
	object = bpf_object__open_file(path, &options);
	if (!object)
		err(EXIT_FAILURE, "%s cannot be read as a BPF object", path);
	while ((map = bpf_object__next_map(object, map))) {
		add_map(maps, map);
		if (is_mapped(map) && bpf_object__btf(object))
			add_data_section(sections, bpf_object__btf(object), section_of(map));
	}
	while ((program = bpf_object__next_program(object, program)))
		add_program(programs, program);
	print(skeleton);
	bpf_object__close(object);
	json_object_put(skeleton);
}

// For a structure, union or enumeration, eunomia-bpf's fork prints only the kind.
static void add_member(struct json_object *members, const struct btf *btf,
		       const struct btf_member *member)
{
	const struct btf_type *type = btf__type_by_id(btf, member->type);
	struct json_object *entry = append_object(members);

	add(entry, "name", btf__name_by_offset(btf, member->name_off));
	if (btf_is_composite(type))
		add(entry, "type", "composite");
	else if (btf_is_enum(type))
		add(entry, "type", "enum");
	else
		add_type(entry, btf, member->type, false);
}

static void print_structures(const char *path)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *structures = add_array(answer, "structs");
	struct btf *btf = btf__parse(path, NULL);

	if (!btf)
		err(EXIT_FAILURE, "%s has no BTF that can be read", path);
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		struct json_object *entry, *members;

		if (!btf_is_struct(type))
			continue;
		entry = append_object(structures);
		add(entry, "name", btf__name_by_offset(btf, type->name_off));
		json_object_object_add(entry, "type_id", json_object_new_int64(id));
		json_object_object_add(entry, "size", json_object_new_int64(type->size));
		members = add_array(entry, "members");
		for (int i = 0; i < btf_vlen(type); i++)
			add_member(members, btf, &btf_members(type)[i]);
	}
	print(answer);
	btf__free(btf);
	json_object_put(answer);
}

static bool is_call(int argc, char **argv, const char *const *words, int count)
{
	if (argc != count + 1)
		return false;
	for (int i = 0; i < count; i++)
		if (words[i] && strcmp(argv[i + 1], words[i]))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	static const char *const skeleton[] = { "gen", "skeleton", NULL, "-j" };
	static const char *const structures[] = {
		"btf", "dump", "file", NULL, "format", "c", "-j"
	};

	if (is_call(argc, argv, skeleton, 4)) {
		print_skeleton(argv[3]);
	} else if (is_call(argc, argv, structures, 7)) {
		print_structures(argv[4]);
	} else {
		execvp("bpftool", argv);
		// Debian installs it in a directory that is only on root's PATH.
		execv("/usr/sbin/bpftool", argv);
		err(EXIT_FAILURE, "bpftool is missing: install it");
	}
	return EXIT_SUCCESS;
}
