"""What the host passes to each kernel, as Numba sees it: `test_sim_launches` finds it so, and `test_ptx` compiles for it."""

FLOATS, TABLE = "float32[::1]", "float32[:,::1]"
WHOLES, WHOLE_TABLE = "int32[::1]", "int32[:,::1]"
WHOLE, YES_OR_NO, FLOAT = "int64", "bool", "float32"
PLAN = (WHOLE_TABLE, TABLE, WHOLE_TABLE)
STEPS = (WHOLES, WHOLE_TABLE, TABLE, FLOATS)
EPILOGUE = (YES_OR_NO, WHOLE, FLOAT)
PRODUCT = (FLOATS, FLOATS, FLOATS, FLOATS, WHOLE, WHOLE, WHOLE, WHOLE, *EPILOGUE)

# Of each kernel, by its function's name.
LAUNCHES = {
    # Parameters and memory, values and room, data; steps; stop, signals, losses, arrivals, partial; numbers.
    "train_on_grid": (*PLAN, *[FLOATS] * 12, *STEPS, WHOLES, WHOLES, FLOATS, WHOLES, FLOATS, *[WHOLE] * 6),
    "predict_on_grid": (*PLAN, *[FLOATS] * 6, WHOLE_TABLE, FLOATS, FLOATS, WHOLES, FLOATS, WHOLE, WHOLE),
    # Parameters and memory, data; steps; rates, stop, signals, losses of steps and epochs, test rows and losses; numbers.
    "train_in_blocks": (*PLAN, *[FLOATS] * 7, *STEPS, FLOATS, WHOLES, WHOLES, *[FLOATS] * 5, *[WHOLE] * 7),
    "one_output_a_thread": PRODUCT,
    "shared_tiles": PRODUCT,
    "register_tiles": PRODUCT,
    "tensor_cores": PRODUCT,
    "part_of_a_tile": (FLOATS, FLOATS, FLOATS, *[WHOLE] * 5),
    "sum_of_parts": (FLOATS, FLOATS, FLOATS, WHOLE, WHOLE, WHOLE, *EPILOGUE),
}
