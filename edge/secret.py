"""Secrets: read from the environment or from a file that others cannot read, and shown nowhere."""


class Secret:
    """A text that does not show where it is printed, logged or written as JSON.

    Args:
        text: The secret.

    Example:
        >>> secret = Secret("swordfish")
        >>> secret, str(secret), secret.reveal()
        (Secret(***), '***', 'swordfish')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return it, for the one who is to receive it."""
        return self._text

    def __repr__(self) -> str:
        """Show that there is one."""
        return "Secret(***)"

    def __str__(self) -> str:
        """Show nothing."""
        return "***"

    def __reduce__(self) -> str:
        """Refuse to be written to a file.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a secret cannot be pickled")
