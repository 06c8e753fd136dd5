"""What the tests of tables share: two tables, a source, and a refusal's message."""

import pytest

from playground.experiment import FileSource
from playground.storage import FileError

PLAIN = "height,weight,kind\n1.5,50,cat\n1.75,75,dog\n2,80,cat\n"
FLOWERS = "sepal,petal,species\n5.1,1.4,setosa\n6.0,4.2,versicolor\n6.5,5.5,virginica\n5.0,1.3,setosa\n"


def source(path, *targets, ignore=()):
    return FileSource(path=path, targets=targets, ignore=ignore)


def refusal(action, *arguments, **keywords):
    """The message of a refusal, which is one sentence in one line."""
    with pytest.raises(FileError) as refused:
        action(*arguments, **keywords)
    message = str(refused.value)
    assert message.endswith((".", "?"))
    assert "\n" not in message
    return message
