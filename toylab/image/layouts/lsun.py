"""Reads an lmdb aloud: a program of its own, because reading a damaged one can end a process.

python lsun.py data.mdb     count, then per entry two lengths, key and value, on its output
"""

import struct
import sys

HEAD, ENTRY = struct.Struct("<Q"), struct.Struct("<II")


def main(path, out):
    """Writes every entry in the order of its keys; returns the exit code."""
    import lmdb

    try:
        with lmdb.open(path, subdir=False, readonly=True, lock=False, max_readers=1) as held:
            out.write(HEAD.pack(held.stat()["entries"]))
            with held.begin(buffers=True) as transaction:
                for key, value in transaction.cursor():
                    out.write(ENTRY.pack(len(key), len(value)))
                    out.write(key)
                    out.write(value)
    except BrokenPipeError:
        return 0  # who listens has heard enough
    except lmdb.Error as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.stdout.buffer))
