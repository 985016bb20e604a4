"""Damage as disks, crashes and hands do it. Holds no check itself."""

import json
from pathlib import Path

# Entries before the checkpoint are gone, as Delta's clean-up does; then the checkpoint is damaged, too.
CLEANED = ["cleaned", "cleaned, lost", "cleaned, cut"]


def plain_rows(rows):
    """Rows without when they were asked for."""
    return rows and {key: {name: value for name, value in row.items() if name != "queried_at"} for key, row in rows.items()}


def turn_a_bit(path, draw):
    """Turns one; where, in words."""
    data = bytearray(path.read_bytes())
    at, bit = draw.randrange(len(data)), draw.randrange(8)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    return f"{bit} of byte {at} of {len(data)}"


def harm(path: Path, kind, draw):
    """Damages a file."""
    data = path.read_bytes()
    if kind in CLEANED:
        for entry in path.parent.glob("*.json"):
            if entry.name < path.name:
                entry.unlink()
        if kind != "cleaned":
            harm(path, kind.removeprefix("cleaned, "), draw)
        return
    if kind == "lost":
        path.unlink()
    elif kind == "bit":
        turn_a_bit(path, draw)
    elif kind == "to nowhere":
        path.write_text(json.dumps(json.loads(data) | {"version": 9999}), encoding="utf-8")
    elif kind == "to an earlier version":
        path.write_text(json.dumps(json.loads(data) | {"version": 3}), encoding="utf-8")
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "garbage": draw.randbytes(len(data))}[kind])
