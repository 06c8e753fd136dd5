"""Everything that speaks LLVM: what Python can't say about registers, addresses, threads and rounding is said here.

``host`` knows the processor, ``microkernel`` holds the inner loop of the matrix product, ``vectors`` gives Numba a type
for several numbers side by side, ``memory`` reads and writes by address, ``threads`` has what threads need to meet.
"""
