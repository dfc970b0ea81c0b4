[% include "trace.py.j2" %]
