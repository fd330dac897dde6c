"""JSON objects from files that anybody may have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qsmrim_app.errors import InputError, MissingImageError

LARGEST_MB = 10.0  # headers of a whole DICOM series, as some converters store them, stay below


def read_json_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds; a byte order mark does no harm.

    Raises
    ------
    MissingImageError
        If the file is a link whose target was not fetched.
    InputError
        If the file cannot be read, is too large for metadata, or holds no JSON object.
    """
    try:
        size_mb = path.stat().st_size / 1e6
        if not path.is_file():
            raise InputError(f"{path} is no readable JSON (no regular file); correct it")
        if size_mb > LARGEST_MB:
            raise InputError(f"{path} has {size_mb:.1f} MB, too many for a sidecar; correct it")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise MissingImageError(
            f"{path} is a link without content; run 'datalad get' or 'git annex get' on it"
        ) from error
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no readable JSON ({error}); correct it") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object; a sidecar is one")
    return content
