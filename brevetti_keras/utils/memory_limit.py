"""A limit on what a child process may take, so that nothing it reads takes the machine's memory."""

import resource


def limit_memory(count: int) -> None:
    """Lets this process map so many bytes beyond what it has mapped now; what asks for more fails.

    A lower limit that the system has set stays.
    """
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped + count
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
