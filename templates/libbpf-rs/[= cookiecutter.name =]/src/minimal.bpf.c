[% include "programs/" ~ cookiecutter.program ~ "/program.bpf.c.j2" %]
