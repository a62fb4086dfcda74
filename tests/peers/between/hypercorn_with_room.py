"""Settings of hypercorn: its limit of h11 has no flag."""

h11_max_incomplete_size = 65536
