"""The columns of a Plan's tables, and the codes of its operations: the words that every backend reads them by.

Each backend imports this module and no name out of it: ``row[table.WEIGHT]`` says where the word comes from, and costs
compiled code nothing.
"""

# Operations.
DENSE = 0  # output = activation(input · W + b)
ACTIVATION = 1  # output = activation(input), number by number
SOFTMAX = 2  # output = softmax of each row
LOSS = 3  # how wrong the outputs are; always the last instruction
CONVOLUTION = 4  # the windows of an image as rows (im2col), then as DENSE
MAX_POOL = 5  # the largest number of each window, channel by channel
AVERAGE_POOL = 6  # the mean of each window, channel by channel
BATCH_NORM = 7  # each feature over the batch to mean 0 and variance 1, then scaled and shifted
LAYER_NORM = 8  # each row to mean 0 and variance 1, then scaled and shifted
DROPOUT = 9  # random numbers set to 0 while training
EMBEDDING = 10  # a row of a table for each whole number in one column
ADD = 11  # output = input + second input

(
    # Columns of the instruction table.
    OPERATION,
    INPUT,  # unit where the input region starts
    OUTPUT,  # unit where the output region starts; for LOSS, where the logits lie
    INPUTS,  # width of the input: of DENSE, of a window (CONVOLUTION), of a row
    UNITS,  # width of the output; filters of CONVOLUTION, features of BATCH_NORM
    WEIGHT,  # index of the weights (tables, scales) in the parameter buffer
    BIAS,  # index of the biases (shifts)
    CODE,  # code of the activation or loss
    FUSED,  # 1: the loss's slope is taken at the logits, so the output activation's own slope is skipped
    OVER_ROWS,  # LOSS: 1 for a mean over rows, 0 for a mean over rows and outputs
    TRAINABLE,  # 1 if its parameters learn
    PASSES_BACK,  # 1 if something before it learns, so that the slope at its input is needed
    SPARE,  # unit of a region for the slope at the input where that has got another one already, else −1
    SECOND,  # ADD: the second input; CONVOLUTION: the windows as rows; BATCH_NORM, LAYER_NORM: what backward needs
    HEIGHT,
    WIDTH,
    CHANNELS,
    OUT_HEIGHT,
    OUT_WIDTH,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    STRIDE_HEIGHT,
    STRIDE_WIDTH,
    TOP,  # rows of padding above
    LEFT,  # columns of padding to the left
    COUNTS_PADDING,  # AVERAGE_POOL: 1 if padding counts as zeros
    STATISTICS,  # BATCH_NORM: index of the running means; the running variances follow, each padded
    COLUMN,  # EMBEDDING: which column of the input holds the whole numbers
    FIRST,  # EMBEDDING: where its numbers begin within an output row
    ROW_WIDTH,  # EMBEDDING: width of a whole output row
    TABLE_ROWS,  # EMBEDDING: rows of the table
) = range(31)
COLUMNS = 31

# Columns of the table of settings, one row an instruction.
SETTING = 0  # the one number that an activation or loss takes; the share that is dropped
EPSILON = 1  # added to variances
MOMENTUM = 2  # share of a batch's statistics in the running ones
SETTINGS = 4

# Columns of the table of spans, one row a parameter: where its numbers lie in the buffer.
SPAN_OFFSET = 0
SPAN_SIZE = 1
SPAN_DECAYS = 2  # 1 if L1, L2 and weight decay act on it
