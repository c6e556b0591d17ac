"""Takes secrets out of text before it reaches a log, an artifact, a traceback or a screen.

    redactor = Redactor(["the-job's-key"])
    redactor.text("POST http://host/api?key=the-job's-key")     # "POST http://host/api?key=***"

Known secrets are replaced wherever they stand, also in their URL-quoted form; besides, whatever stands where secrets
stand: a password in a URL, the query parameters `key`, `apiKey` and `token`, an Authorization header.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
_MIN_LENGTH = 6
_PATTERNS = (
    (re.compile(r"(\w://)[^/\s:@\"']+:[^/\s@\"']+@"), rf"\1{MASK}@"),
    (re.compile(r"([?&](?:key|api_?key|token|access_token)=)[^&\s\"'<>]+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"(authorization['\"]?\s*[:=,]\s*['\"]?(?:bearer|basic)\s+)[^\s'\",]+", re.IGNORECASE), rf"\1{MASK}"),
)
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")


class Redactor:
    """Replaces secrets in text by `***`.

    Args:
        secrets: texts to hide; those shorter than 6 characters are left out, since they would blot out ordinary words.
        environment: variables, for example `os.environ`; those whose name ends like a secret's are hidden too.
    """

    def __init__(self, secrets: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> None:
        named = [value for name, value in (environment or {}).items() if _SECRET_NAME.search(name.upper())]
        # A path or a number under such a name is no secret in itself, and would blot out what a reader needs.
        hidden = {*secrets, *(value for value in named if not value.startswith("/") and not value.isdigit())}
        forms = {
            form for text in hidden if len(text) >= _MIN_LENGTH for form in (text, quote(text, ""), quote_plus(text))
        }
        self._known = re.compile("|".join(sorted(map(re.escape, forms), key=len, reverse=True))) if forms else None

    def text(self, text: str) -> str:
        """Returns `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any) -> Any:
        """Returns nested dicts, lists and tuples with every text in them, keys included, without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(self.value, value)) if type(value) in (list, tuple) else value
        return value

    def exception(self, error: BaseException) -> None:
        """Takes the secrets out of an exception's own texts, and of those that it stems from."""
        seen: set[int] = set()
        waiting: list[BaseException | None] = [error]
        while waiting:
            one = waiting.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            one.args = tuple(self.value(argument) for argument in one.args)
            for index, note in enumerate(getattr(one, "__notes__", ())):
                one.__notes__[index] = self.text(note)
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


class RedactingFilter(logging.Filter):
    """A logging filter that lets every record pass, its message and traceback without secrets."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Puts the redacted message in the record's place."""
        message = record.getMessage()
        clean = self.redactor.text(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.redactor.text(logging.Formatter().formatException(record.exc_info))
        return True
