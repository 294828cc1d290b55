import doctest

import figures


def test_the_example_in_the_docstring():
    assert doctest.testmod(figures).failed == 0
    assert doctest.testmod(figures).attempted == 2
