"""The scripts and manifests in docs/howto/clusters: they cannot be run here, but what they say can be checked."""

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import tiny
import yaml
from cli import FLAGS, ROOT

import jaxgan

FOLDER = ROOT / "docs" / "howto" / "clusters"


def manifests(name):
    """The parts of a file that Kubernetes itself knows, each as a document."""
    for document in yaml.safe_load_all((FOLDER / name).read_text()):
        if document["kind"] != "JobSet":
            yield document
            continue
        for job in document["spec"]["replicatedJobs"]:
            spec = job["template"]["spec"]
            yield {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job["name"]}, "spec": spec}


@pytest.mark.parametrize("name", ["job.yaml", "jobset.yaml"])
def test_manifests_fit_the_schemas_of_kubernetes(name):
    found = list(manifests(name))
    assert "Job" in {document["kind"] for document in found}
    for document in found:
        assert kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("name", ["job.yaml", "jobset.yaml"])
def test_pods_find_process_0_and_are_as_many_as_they_say(name):
    document = list(yaml.safe_load_all((FOLDER / name).read_text()))[-1]
    (job,) = [one for one in manifests(name) if one["kind"] == "Job"]
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (command,) = container["args"]
    host, port = re.search(r"--coordinator=(\S+):(\d+)", command).groups()
    if document["kind"] == "JobSet":  # which names its service as itself, and pods by set, job, its copy and the pod
        assert host == f"{document['metadata']['name']}-{job['metadata']['name']}-0-0.{document['metadata']['name']}"
    else:
        assert host == f"{document['metadata']['name']}-0.{pod['subdomain']}"
    assert [int(port)] == [open_port["containerPort"] for open_port in container["ports"]]
    processes = int(command.split("--num_processes=")[1].split()[0])
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == processes


@pytest.mark.parametrize("path", sorted([*FOLDER.iterdir(), FOLDER.parent / "clusters.md"]), ids=lambda p: p.name)
def test_commands_have_flags_and_files_that_there_are(path):
    text = path.read_text()
    for flag in re.findall(r"(?<=\s)--([a-z_]+)=?", "\n".join(re.findall(r"run\.py.*(?:\n {10,}--.*)*", text))):
        assert flag in FLAGS or flag == "config", flag
    for name in re.findall(r"(?:configs|docs)/[\w/]+\.\w+", text):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("name", ["slurm.sh", "train.sh"])
def test_scripts_are_sound(name):
    check = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([check, FOLDER / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
def test_a_run_is_finished_when_all_its_steps_are_made(tmp_path):
    config = tiny.get_config()
    config.train.update(num_steps=4, num_devices=1, log_every=1, sample_every=0)
    jaxgan.train(config, tmp_path)
    command = [sys.executable, FOLDER / "finished.py", tmp_path]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == 0
    saved = (tmp_path / "config.json").read_text()
    longer = saved.replace('"num_steps": 4', '"num_steps": 5')
    (tmp_path / "config.json").write_text(longer)
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == 3
    stopped = longer.replace('"metric": ""', '"metric": "g/lr"').replace('"patience": 20', '"patience": 1')
    assert stopped != longer
    (tmp_path / "config.json").write_text(stopped)
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    worse = [{**row, "eval/fd": score} for row, score in zip(rows, (1.0, 9.0, 9.0, 9.0), strict=True)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in worse))
    entry = {"step": 4, "num": 2, "main": "fd", "metrics": {"fd": 9.0}, "floor": {"fd": 1.0}, "split": "train"}
    (tmp_path / "evaluation.json").write_text(json.dumps([entry]))
    for action, status in ("warn", 3), ("stop", 0):  # scores fell: only with "stop" does a run end by that
        (tmp_path / "config.json").write_text(longer.replace('"action": "warn"', f'"action": "{action}"'))
        assert subprocess.run(command, check=False, cwd=ROOT).returncode == status
    assert subprocess.run([*command[:2], tmp_path / "none"], check=False, cwd=ROOT, capture_output=True).returncode == 1
