"""Generates the Python modules and type stubs of the contract beside their .proto files.

`python -m protos.generate [--output DIR]`; needs the extra `dev`. A test compares the result with
what is committed.
"""

import argparse
import os
import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).parent
THIRD_PARTY = PROTOS / "third_party"


def generate(*, output: Path) -> None:
    """Writes the modules of our packages and of buf.validate, laid out as below `protos/`."""
    # The plug-ins of mypy-protobuf are found by name, beside this interpreter.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    third_party = output / "third_party"
    third_party.mkdir(parents=True, exist_ok=True)
    ours = sorted(PROTOS.glob("*/v1/*.proto"))
    with_services = [path for path in ours if "\nservice " in path.read_text()]
    _protoc(f"--python_out={output}", f"--mypy_out=quiet:{output}", *ours)
    _protoc(
        f"--grpc_python_out={output}",
        f"--mypy_grpc_out=quiet,only_async:{output}",
        *with_services,
    )
    _protoc(
        f"--python_out={third_party}",
        f"--mypy_out=quiet:{third_party}",
        THIRD_PARTY / "buf/validate/validate.proto",
    )


def _protoc(*arguments: str | Path) -> None:
    well_known = resources.files("grpc_tools") / "_proto"
    paths = [f"--proto_path={path}" for path in (THIRD_PARTY, PROTOS, well_known)]
    status = protoc.main(["protoc", *paths, *map(str, arguments)])
    if status != 0:
        raise SystemExit(f"protoc ended with status {status}; its messages are above")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PROTOS)
    generate(output=parser.parse_args().output)
