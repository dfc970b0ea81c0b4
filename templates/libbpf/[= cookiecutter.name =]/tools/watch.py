[% include "watch.py.j2" %]
