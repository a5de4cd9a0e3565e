"""Are the types of all public names known? Reads what `pyright --verifytypes --outputjson` prints.

Usage: pyright --verifytypes jaxgan --ignoreexternal --outputjson | python .ci/public_types.py
"""

import json
import sys

import jaxgan

public = [f"{getattr(jaxgan, name).__module__}.{name}" for name in jaxgan.__all__]
symbols = json.load(sys.stdin)["typeCompleteness"]["symbols"]
names = {symbol["name"] for symbol in symbols}
if missing := [name for name in public if name not in names]:
    sys.exit(f"pyright does not know {', '.join(missing)}; is the package installed, and not as an editable one?")
unknown = [
    f"{symbol['name']}: {' '.join(found['message'] for found in symbol['diagnostics'])}"
    for symbol in symbols
    if not symbol["isTypeKnown"] and any(f"{symbol['name']}.".startswith(f"{name}.") for name in public)
]
if unknown:
    sys.exit("public names whose types are not known:\n" + "\n".join(unknown))
print(f"the types of {len(public)} public names are known")
