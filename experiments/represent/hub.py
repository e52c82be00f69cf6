"""A backbone of Hugging Face's hub as a folder on this disk."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError

FACTS = ["config.json", "preprocessor_config.json"]
FILES = ("model.safetensors", "pytorch_model.bin")  # tried in turn


def snapshot(name: str) -> Path:
    """The folder of a published network, which huggingface_hub downloads or has in its own cache.

    Args:
        name: OWNER/NAME, or OWNER/NAME@REVISION.

    Raises:
        UserError: huggingface_hub is not installed, the hub does not answer, or it has no such network.
    """
    owned, _, revision = name.partition("@")
    try:
        import huggingface_hub
    except ImportError:
        raise _absent(name, "huggingface_hub is not installed") from None
    for file in FILES:
        try:
            folder = Path(huggingface_hub.snapshot_download(owned, revision=revision or None, allow_patterns=[*FACTS, file]))
        except Exception as error:  # those of its HTTP client as well
            raise _absent(name, (str(error).strip() or type(error).__name__).splitlines()[0]) from None
        if (folder / file).is_file():
            return folder
    raise _absent(name, f"it has neither {' nor '.join(FILES)}")


def _absent(name: str, reason: str) -> UserError:
    owned, _, revision = name.partition("@")
    files = " ".join([*FACTS, FILES[0]])
    at = f" --revision {revision}" if revision else ""
    return UserError(
        f"hf:{name}: cannot be had from Hugging Face's hub ({reason})\n"
        f"next: where there is a network, run `hf download {owned} {files}{at} --local-dir FOLDER`, copy FOLDER here, and set the entry's "
        "weights to it"
    )
