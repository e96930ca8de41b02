"""Holds the machine formats of `kubeprof check` against the schemas of their readers, and rules against the published schema.

The schemas of others are not in the tree: KUBEPROF_SCHEMAS names the folder that has them. The sources are real ones, and
one whose name is hostile.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

import jsonschema
import xmlschema

ROOT = pathlib.Path(__file__).resolve().parent.parent
CAPTURES = ROOT / "fixtures/captures"


def main() -> None:
    kubeprof = os.path.abspath(sys.argv[1])
    schemas = pathlib.Path(os.environ["KUBEPROF_SCHEMAS"])
    junit = xmlschema.XMLSchema(schemas / "junit-10.xsd")
    sarif = jsonschema.Draft7Validator(json.loads((schemas / "sarif-schema-2.1.0.json").read_text()))
    rules = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/schema/rules.json").read_text()))
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        hostile = out / "<b>\x1b[31m`|`\n::error::x\"&]]>"
        shutil.copytree(CAPTURES / "frozen-runtime", hostile)
        files = [CAPTURES / "rules.toml", ROOT / "src/check/rules/builtin.toml"]
        for name in ["healthy-1.37.2", "ctx-leak-1.36.1", "frozen-runtime", hostile]:
            for more in [[], ["--rules", str(files[0])], ["--baseline", str(CAPTURES / "healthy-1.37.2"), "--why"]]:
                args = [kubeprof, "check", str(CAPTURES / name), *more]  # an absolute name stays as it is
                args += ["-o", f"junit={out}/junit.xml", "-o", f"sarif={out}/check.sarif"]
                code = subprocess.run(args, check=False).returncode
                assert code < 2, args
                junit.validate(str(out / "junit.xml"))
                sarif.validate(json.loads((out / "check.sarif").read_text()))
                print(f"{str(name)!r} {' '.join(more[:1])}: exit {code}, junit and sarif are valid")
            made = out / f"{len(files)}.toml"
            subprocess.run([kubeprof, "check", "--init", str(CAPTURES / name), "--out", str(made)], check=True)
            files.append(made)
        for file in files:
            rules.validate(tomllib.loads(file.read_text()))
            print(f"{file.name}: valid rules")
        wrong = {"version": 1, "rule": [{"id": "a", "kind": "gide"}]}
        assert not rules.is_valid(wrong), "the schema of rules refuses nothing"


main()
