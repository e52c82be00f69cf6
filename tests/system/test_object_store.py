"""The whole pipeline with its artefacts behind an S3 API: nothing but pointers here, and what is done to the bucket is noticed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stages import ANEW
from tests.relay import relayed
from tests.s3 import BUCKET, client, keys, s3_server
from tests.system.test_survival import DATA, clone, digests, environment, repro

EPOCHS = 6  # of a second each: the kill after the first comes long before the last
POINTERS = {"manifest.json", "place.json"}
SHOWN = {"artifacts/report/index.html", "artifacts/speed.json", "data/external/README.md"}
SHOWN |= {f"artifacts/evaluate/{name}" for name in ("metrics.json", "scores.json", "thresholds.csv", "per_sequence.csv")}
SHOWN |= {f"artifacts/{stage}/history.csv" for stage in ("pretrain", "finetune")}
MADE = (*DATA, *(f"artifacts/{name}" for name in ("pretrain", "finetune", "tracks", "observations", "evaluate", "report")))


def stage(folder: Path, name: str) -> str:
    """Run a stage that must fail, though its own output may be there and whole; returns what it says."""
    command = ["dvc", "repro", "--force", "--single-item", name]
    anew = environment(folder) | {ANEW: "1"}
    done = subprocess.run(command, cwd=folder, env=anew, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    return done.stderr


def everything_said(folder: Path) -> str:
    """Run the pipeline to the end; returns what it prints, its workers included."""
    command = ["dvc", "repro"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=folder, env=environment(folder), text=True, timeout=900, **streams)
    assert done.returncode == 0, done.stdout
    return done.stdout


def kill_in_pretrain(folder: Path, server: Mapping[str, str]) -> None:
    """Run the pipeline until Ray knows of a first checkpoint in the bucket, and SIGKILL everything."""
    command = ["dvc", "repro", "pretrain"]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=nothing, stderr=nothing, start_new_session=True)
    deadline = time.monotonic() + 600
    while not any("/checkpoints/pretrain-" in key and key.endswith("/checkpoint_manager_snapshot.json") for key in keys(server)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_everything_lies_in_the_bucket_and_dvc_tracks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local, remote = clone(tmp_path / "local", EPOCHS), clone(tmp_path / "remote", EPOCHS)
    params = remote / "params.yaml"
    params.write_text(params.read_text().replace("  store: . ", f"  store: s3://{BUCKET}/run "))
    with s3_server() as server:
        for key, value in server.items():
            monkeypatch.setenv(key, value)
        kill_in_pretrain(remote, server)
        said = everything_said(remote)
        assert f"pretrain: epoch {EPOCHS}/{EPOCHS}" in said
        assert f"pretrain: epoch 1/{EPOCHS}" not in said, "its checkpoint is in the bucket"
        found = keys(server)

        here = {path for top in ("data", "artifacts") for path in (remote / top).rglob("*") if path.is_file() and path.name != ".gitignore"}
        assert {path.relative_to(remote).as_posix() for path in here if path.name not in POINTERS} == SHOWN
        assert not list((remote / ".throughline").glob("checkpoints/*-*/*"))
        assert not (remote / "mlruns").exists()

        for name in MADE:
            manifest, pointer = (json.loads((remote / name / file).read_text()) for file in ("manifest.json", "place.json"))
            prefix = pointer["place"].removeprefix(f"s3://{BUCKET}/")
            assert prefix.startswith(f"run/{name}/")
            stored = {key.removeprefix(f"{prefix}/") for key in found if key.startswith(f"{prefix}/")}
            assert stored == {*manifest["files"], "manifest.json"}
        assert any(key.startswith("run/mlruns/") and key.endswith("weights.safetensors") for key in found)
        assert not [key for key in found if "checkpoint" in key or "/.parts/" in key or "speed.json/" in key]

        repro(local, "pretrain")
        assert digests(local, (*DATA, "artifacts/pretrain")) == digests(remote, (*DATA, "artifacts/pretrain"))

        assert "up to date" in repro(remote)
        status = subprocess.run(["dvc", "status", "dvc.yaml"], cwd=remote, env=environment(remote), capture_output=True, text=True)
        assert "up to date" in status.stdout

        shard = next(key for key in found if key.startswith("run/data/frames/") and key.endswith(".parquet"))
        body = client(server).get_object(Bucket=BUCKET, Key=shard)["Body"].read()
        client(server).put_object(Bucket=BUCKET, Key=shard, Body=body[:-1] + b"?")  # of the same size
        assert f"s3://{BUCKET}/{shard}: missing or changed since it was published" in stage(remote, "label_depth")
        client(server).delete_object(Bucket=BUCKET, Key=shard)
        assert "dvc repro --force --single-item extract_frames" in stage(remote, "pack_samples")
        repro(remote, "--force", "--single-item", "extract_frames")
        assert client(server).get_object(Bucket=BUCKET, Key=shard)["Body"].read() == body
        assert "Running stage" not in repro(remote), "DVC has the pointers of the two stages that failed"
        assert "up to date" in repro(remote)
        command = [sys.executable, "-m", "throughline", "stored"]
        told = subprocess.run(command, cwd=remote, env=environment(remote), capture_output=True, text=True)
        assert (told.returncode, told.stdout.count(", whole (s3://")) == (0, len(MADE)), told.stdout + told.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_stage_starts_with_a_store_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(tmp_path / "clone")
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("  store: . ", "  store: s3://no-such-bucket/run "))
    with s3_server() as server:
        for key, value in server.items():
            monkeypatch.setenv(key, value)
        said = stage(folder, "render_walkers")
        assert "error: base.store: s3://no-such-bucket/run: cannot be written" in said
        assert "Traceback" not in said
        assert not (folder / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_bucket_that_goes_away_while_a_stage_works_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(tmp_path / "clone")
    params = folder / "params.yaml"
    text = re.sub(r"(?m)^  sequences: \d+", "  sequences: 16", params.read_text(), count=1)  # so that work is left when one is done
    params.write_text(text.replace("  store: . ", f"  store: s3://{BUCKET}/run "))
    with s3_server() as server:
        address = urlsplit(server["AWS_ENDPOINT_URL"])
        with relayed(str(address.hostname), address.port or 0) as relay:
            for key, value in (server | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{relay.port}"}).items():
                monkeypatch.setenv(key, value)
            repro(folder, "render_walkers")
            command, streams = ["dvc", "repro", "extract_frames"], {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            process = subprocess.Popen(command, cwd=folder, env=environment(folder), text=True, **streams)
            while not any("run/data/frames/" in key and key.endswith(".json") for key in keys(server)):
                assert process.poll() is None
                time.sleep(0.05)
            relay.cut()
            said, _ = process.communicate(timeout=300)
            assert process.returncode != 0
            assert "Traceback" not in said
            assert said.count("the connection was lost (") == 1
            assert "next: see that the address answers and run the same command again; finished parts are kept" in said
            assert "exited with 1" in said
            relay.mend()
            assert "sequences are as an earlier run made them" in repro(folder, "extract_frames")
