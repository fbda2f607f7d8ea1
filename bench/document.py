"""document.py: puts what a run printed into a document, between its markers. Called by tables.py and package.py."""

import re
import sys


def put(document, name, text):
    """Replaces what stands between `<!-- name -->` and `<!-- end of name -->`, each a line of its own."""
    marked = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    new, count = re.subn(marked, lambda m: m[1] + text + m[2], document.read_text(), flags=re.DOTALL)
    if count != 1:
        sys.exit(f"{document}: no <!-- {name} --> ... <!-- end of {name} -->")
    document.write_text(new)
