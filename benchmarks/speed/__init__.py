"""The parts of `benchmarks/throughput.py` and `benchmarks/gpu.py`, a file each."""
