"""The house rules: names agree, imports point one way, presets parse, README commands exist, dvc.yaml holds its code."""

from __future__ import annotations

import ast
import functools
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from dvc.repo import Repo

import stages
from models import SYSTEMS, training_options
from pipeline.artifacts import code as closure
from pipeline.artifacts import fingerprint
from pipeline.artifacts.relocation import FACE, MOVED
from pipeline.params import file as parameters
from pipeline.params import preset as presets
from pipeline.params.sections import STAGES, TRAININGS, Params
from pipeline.params.sections.data import Source
from tests.shared import ROOT
from throughline.main import app

DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))
README = (ROOT / "README.md").read_text()
ALLOWED = {
    "pipeline": {"pipeline"},
    "models": {"models", "pipeline"},
    "stages": {"stages", "models", "pipeline"},
    "experiments": {"experiments", "stages", "models", "pipeline"},
    "throughline": {"throughline", "experiments", "stages", "models", "pipeline"},
}


@functools.cache
def nodes(package: str) -> dict[Path, tuple[str, list[ast.AST]]]:
    """The text and all nodes of the syntax tree of each file of a package; many rules look at them."""
    texts = {path: path.read_text() for path in (ROOT / package).rglob("*.py")}
    return {path: (text, list(ast.walk(ast.parse(text)))) for path, text in texts.items()}


@functools.cache
def whole(preset: str) -> str:
    """The parameter file that a preset means."""
    return presets.text(preset)


def test_stage_names_agree_and_keep_one_order() -> None:
    sections = [name for name in Params.model_fields if name in STAGES]
    files = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert list(DVC) == list(STAGES) == sections
    assert files == set(STAGES)
    for name, body in DVC.items():
        assert body["cmd"] == f"python -m stages.{name}"


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_starts_a_stage_for_every_file_that_its_fingerprint_names(stage: str) -> None:
    body = DVC[stage]
    folders = [dep.replace("${model.name}", PARAMS["model"]["name"]) for dep in body["deps"]]
    assert len(folders) <= 10
    entries = fingerprint.entries(stage, stages.check(ROOT / "params.yaml")[0])
    for name in closure.sources(entries, ROOT):
        assert any(name == folder or name.startswith(f"{folder}/") for folder in folders), f"{stage}: no dep holds {name}"
    assert all(
        entry == f"stages/{stage}.py" or (ROOT / entry).is_file()
        for entry in fingerprint.entries(stage, stages.check(ROOT / "params.yaml")[0])
    )
    assert "base.store" in body["params"]
    assert all(next(iter(out.values())) == {"persist": True} for out in body["outs"]), "a stage that has nothing to do keeps its output"


def test_only_the_frame_imports_modules_by_name() -> None:
    for package in ALLOWED:
        for path, (text, _) in nodes(package).items():
            name = path.relative_to(ROOT).as_posix()
            assert "import_module" not in text or name in {
                "models/__init__.py",
                "models/teachers/__init__.py",
                "pipeline/artifacts/code.py",
            }, name


def test_dvc_speaks_of_the_pipeline_alone_until_a_sweep_is_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    for name in ("dvc.yaml", "params.yaml", "experiments/dvc.yaml", "experiments/kept.yaml", "experiments/sweeps.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    repo = Repo.init(str(tmp_path), no_scm=True)
    assert [stage.name for stage in repo.index.stages] == list(STAGES)
    (tmp_path / "experiments" / "kept.yaml").write_text("sweeps: [temperature, tracker]")
    kept = [stage for stage in Repo(str(tmp_path)).index.stages if stage.name not in STAGES]
    assert [stage.cmd for stage in kept] == ["throughline sweep temperature", "throughline sweep tracker"]
    assert [[Path(out.fs_path).relative_to(tmp_path).as_posix() for out in stage.outs] for stage in kept] == [
        ["artifacts/sweeps/temperature"],
        ["artifacts/sweeps/tracker"],
    ]
    tracked = {key.split(".")[0] for dep in kept[0].deps if Path(dep.fs_path).name == "params.yaml" for key in dep.params}
    sections = {key.split(".")[0] for stage in ("pretrain", "finetune", "track", "evaluate") for key in fingerprint.reads(stage).params}
    assert sections | {"sweep"} == tracked


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    for path, (_, found) in nodes(package).items():
        for node in found:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names = [node.module or ""]
            ours = {name.split(".")[0] for name in names} & set(ALLOWED)
            assert ours <= ALLOWED[package], f"{path} imports {ours}"


def test_pipeline_knows_neither_a_system_nor_an_option_of_one() -> None:
    """Not by a name, an attribute or a string: `outrack`, `options.tracker.iou_limit`, "model.loss.reid", `settings.model.max_gap`."""
    sections = {"network", "loss", "tracker"}
    of_trainings = {key for system in SYSTEMS for key in training_options(system).model_fields}
    assert len(of_trainings) >= 3
    for path, (_, found) in nodes("pipeline").items():
        for node in found:
            names = [node.id] if isinstance(node, ast.Name) else [node.attr] if isinstance(node, ast.Attribute) else []
            names += [node.arg] if isinstance(node, ast.arg | ast.keyword) and node.arg else []
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value else ""
            assert not {name.lower() for name in names} & set(SYSTEMS), f"{path}:{node.lineno}"
            assert not {*names, text.split(".")[-1]} & of_trainings, f"{path}:{node.lineno}"
            # the rule of a half split that a release introduced bears its name
            assert text not in SYSTEMS or path.name in ("data.py", "splits.py"), f"{path}:{node.lineno}"
            assert not re.match(rf"model\.({'|'.join(sections)})\.", text), f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr in sections:
                owner = node.value.value
                assert not (isinstance(owner, ast.Attribute | ast.Name) and _last(owner) in ("options", "model")), f"{path}:{node.lineno}"


def _last(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _wing(module: str) -> str:
    """The folder that a module lies in: two words deep in pipeline/, models/ and experiments/."""
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] in ("pipeline", "models", "experiments") else 1])


@functools.cache
def _wings() -> dict[str, set[str]]:
    """Which wings each wing imports, lazily or not; single files at the top of a package are none."""
    found: dict[str, set[str]] = {}
    for package in ALLOWED:
        for path, (_, inside) in nodes(package).items():
            mine = _wing(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
            for node in inside:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                wings = {_wing(name) for name in names if name.split(".")[0] in ALLOWED}
                found.setdefault(mine, set()).update(wing for wing in wings if (ROOT / wing.replace(".", "/")).is_dir() and wing != mine)
    return found


def test_no_circle_between_wings() -> None:
    left = dict(_wings())
    while free := [wing for wing, imported in left.items() if not imported & set(left)]:
        left = {wing: imported for wing, imported in left.items() if wing not in free}
    assert not left, f"these wings import each other: {left}"


def test_files_and_functions_stay_short() -> None:
    for package in (*ALLOWED, "benchmarks"):
        for path, (text, found) in nodes(package).items():
            assert text.count("\n") <= 400, f"{path} has {text.count(chr(10))} lines; 400 are the limit, 150 the aim"
            for node in found:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or 0) - node.lineno + 1
                    assert lines <= 80, f"{path}:{node.lineno}: {node.name} has {lines} lines; 80 are the limit, 20 the aim"


def test_each_wing_says_what_it_is_and_imports() -> None:
    for folder in sorted({ROOT / wing.replace(".", "/") for wing in _wings() if "." in wing}):
        if folder.is_dir():
            text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
            assert text, f"{folder}/__init__.py says nothing"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_presets_can_be_used_and_say_how(preset: Path, tmp_path: Path) -> None:
    path, text = tmp_path / "params.yaml", whole(preset.stem)
    path.write_text(text)
    stages.check(path)
    assert parameters.read(path) == presets.values(preset.stem)
    first = preset.read_text().splitlines()[0]
    assert text.splitlines()[0] == first
    assert first.startswith("# make repro")
    assert preset.stem == "walkers" or f"PRESET={preset.stem}" in first


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_every_value_of_a_whole_preset_has_a_comment(preset: Path) -> None:
    for line in whole(preset.stem).splitlines():
        of_source = line.startswith("    ") and line.split(":")[0].strip() in Source.model_fields  # explained at `sources`
        if re.match(r"^\s+\w+: [^#\s]", line) and not of_source:
            assert " # " in line, f"{preset.name}: {line}"


@pytest.mark.parametrize("preset", [path for path in PRESETS if path.stem != presets.DEFAULT], ids=lambda path: path.stem)
def test_presets_state_only_what_differs(preset: Path) -> None:
    default, stated = _flat(presets.values(presets.DEFAULT)), _flat(parameters.read(preset))
    system = stated.get("model.name", default["model.name"])
    if system != default["model.name"]:
        # of another system the first preset states what the system has of its own as a whole, from which its others differ
        own = tuple(f"{section}." for section in ("model", *(f"{stage}.model" for stage in TRAININGS)))
        default = {key: value for key, value in default.items() if not key.startswith(own)}
        first = preset.with_name(f"{system}_{presets.DEFAULT}.yaml")
        if first.is_file() and first != preset:
            whole = _flat(presets.values(first.stem)) | {"model.name": None}
            default |= {key: value for key, value in whole.items() if key.startswith(own)}
    assert [key for key, value in stated.items() if key in default and default[key] == value] == []


def _flat(section: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Values by dotted key."""
    found = {}
    for key, value in section.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def test_params_file_is_the_walkers_preset() -> None:
    assert parameters.read(ROOT / "params.yaml") == parameters.read(ROOT / "presets" / "walkers.yaml")


def _commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.S)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("command", _commands())
def test_readme_commands_exist(command: str) -> None:
    words = shlex.split(command)
    words = [word for word in words if "=" not in word or word.startswith("-")]
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M)
        assert set(words[1:]) <= set(targets), command
    elif "-m" in words:
        module = words[words.index("-m") + 1]
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() or module in {"pytest"}, command
    elif words[0] == "throughline":
        assert _options(words[1:]) >= {word for word in words if word.startswith("--")}, command
    else:
        assert words[0] in {"git", "cd", "dvc", "source"}, command


def _options(words: list[str]) -> set[str]:
    """The options of the verb that some words begin with."""
    place = typer.main.get_command(app)
    while inner := getattr(place, "commands", {}):
        assert words[0] in inner, f"{words[0]}: not a verb"
        place, words = inner[words[0]], words[1:]
    return {option for parameter in place.params for option in parameter.opts}


def test_packages_are_found() -> None:
    assert {FACE, *MOVED} == set(ALLOWED)
    for package in ALLOWED:
        folders = {path.parent for path in (ROOT / package).rglob("*.py")}
        assert all((folder / "__init__.py").is_file() for folder in folders), package
