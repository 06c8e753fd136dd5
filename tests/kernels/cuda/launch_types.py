"""What the host passes to each kernel, as Numba sees it: `test_sim_launches` finds it so, and `test_ptx` compiles for it."""

FLOATS, TABLE = "float32[::1]", "float32[:,::1]"
WHOLES, WHOLE_TABLE = "int32[::1]", "int32[:,::1]"
WHOLE, YES_OR_NO, FLOAT = "int64", "bool", "float32"
EPILOGUE = (YES_OR_NO, WHOLE, FLOAT)
PRODUCT = (FLOATS, FLOATS, FLOATS, FLOATS, WHOLE, WHOLE, WHOLE, WHOLE, *EPILOGUE)


def named(kind, *names):
    """Fields of a named tuple that are of one kind."""
    return tuple((name, kind) for name in names)


# Named tuples, as pairs of a field and what it is.
NETWORK = (
    *named(WHOLE_TABLE, "instructions"),
    *named(TABLE, "settings"),
    *named(WHOLE_TABLE, "spans"),
    *named(FLOATS, "parameters", "gradients", "values", "deltas", "sums"),
    *named(WHOLE, "capacity", "width"),
)
RUN = (
    *named(FLOATS, "inputs", "targets", "weights", "batch_targets", "batch_weights"),
    *named(WHOLES, "order"),
    *named(WHOLE_TABLE, "steps"),
    *named(TABLE, "numbers"),
    *named(FLOATS, "hyper", "first_moment", "second_moment"),
    *named(WHOLE, "optimizer"),
    *named(FLOAT, "rate"),
    *named(WHOLE, "seed", "done_before"),
    *named(WHOLES, "stop", "signals"),
    *named(FLOATS, "losses"),
)
SCORES = named(FLOATS, "epoch_losses", "test_inputs", "test_targets", "test_losses")
TUPLES = {"Network": NETWORK, "RunBuffers": RUN, "Scores": SCORES}

# Of each kernel, by its function's name.
LAUNCHES = {
    # Arrivals, partial; purpose.
    "train_on_grid": (NETWORK, RUN, WHOLES, FLOATS, WHOLE),
    # Inputs, targets; regions, what is collected of them, losses; arrivals, partial.
    "predict_on_grid": (NETWORK, FLOATS, FLOATS, WHOLE_TABLE, FLOATS, FLOATS, WHOLES, FLOATS),
    # Rates; units, purpose.
    "train_in_blocks": (NETWORK, RUN, FLOATS, SCORES, WHOLE, WHOLE),
    "one_output_a_thread": PRODUCT,
    "shared_tiles": PRODUCT,
    "register_tiles": PRODUCT,
    "tensor_cores": PRODUCT,
    "part_of_a_tile": (FLOATS, FLOATS, FLOATS, *[WHOLE] * 5),
    "sum_of_parts": (FLOATS, FLOATS, FLOATS, WHOLE, WHOLE, WHOLE, *EPILOGUE),
}
