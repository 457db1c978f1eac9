"""The one exception that users of ulq see."""


class UlqError(Exception):
    """A model, target or input that ulq refuses: one line that names the culprit and the reason."""
