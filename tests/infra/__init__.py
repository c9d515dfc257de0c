"""Files under infra/ checked without a cluster, a cloud or a Docker engine."""
