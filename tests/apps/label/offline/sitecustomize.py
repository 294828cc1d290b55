"""Python runs a module of this name at its start: this one refuses whatever leaves the machine, and notes it."""

import os
import socket
from collections.abc import Callable
from typing import Any

LOG = "REFUSED_CONNECTIONS"  # the variable that names the file to note them in


def only_here(function: Callable, host_of: Callable[..., Any]) -> Callable:
    """The function, refused for hosts other than this one."""

    def call(*arguments: Any, **options: Any) -> Any:
        host = host_of(*arguments)
        if host in (None, "", "localhost", "0.0.0.0", "::1") or str(host).startswith("127."):
            return function(*arguments, **options)
        with open(os.environ[LOG], "a") as log:
            log.write(f"{host}\n")
        raise OSError("there is no network in this test")

    return call


def host_of_address(_: socket.socket, address: Any) -> Any:
    """The host of a connection's address; None where that is a file."""
    return address[0] if isinstance(address, tuple) else None


if LOG in os.environ:
    socket.getaddrinfo = only_here(socket.getaddrinfo, lambda host, *_: host)
    socket.socket.connect = only_here(socket.socket.connect, host_of_address)
    socket.socket.connect_ex = only_here(socket.socket.connect_ex, host_of_address)
