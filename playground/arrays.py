"""Types of the arrays that are handed around; what shape they have is said where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of any numbers; and of those that networks compute with.
Array = NDArray[Any]
Float32 = NDArray[np.float32]
