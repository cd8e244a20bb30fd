"""The examples that ship with the project, copied into a folder that runs as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import sdl
from sdl.errors import Refused

EXAMPLES = Path(sdl.__file__).resolve().parent.parent / "examples"


def copy_example(name: str, folder: Path) -> list[Path]:
    """Copy example ``name`` into ``folder`` with the schema beside it; refuse to overwrite anything."""
    from sdl.config.schema import json_schema

    source = EXAMPLES / name
    known = sorted(p.name for p in EXAMPLES.iterdir() if (p / "campaign.yaml").is_file())
    if name not in known:
        raise Refused(f"there is no example {name!r}; there are {', '.join(known)}")
    files = [p for p in sorted(source.iterdir()) if p.is_file()]
    if taken := [p.name for p in files if (folder / p.name).exists()]:
        raise Refused(f"{folder} already holds {', '.join(taken)}: name an empty folder, nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    made = [Path(shutil.copy(p, folder / p.name)) for p in files]
    schema = folder / "campaign.schema.json"
    schema.write_text(json.dumps(json_schema("campaign"), indent=2) + "\n", encoding="utf-8")
    return [*made, schema]
