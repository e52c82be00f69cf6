"""The one exception whose message is written for the person at the keyboard."""


class UserError(Exception):
    """A mistake the user can mend: the message says what, where, what is allowed and what to do next.

    Stages print it as one block without a traceback and exit with status 2. Every other exception is a fault of ours
    and keeps its traceback.
    """
