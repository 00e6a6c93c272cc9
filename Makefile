# `make check` is what to run before a commit; .ci/run does all of it from scratch, and more.
.PHONY: check lint format types contracts test test-slow test-vllm test-ray test-server test-browser docs dist ci

check: lint types contracts test test-slow

lint:
	ruff check .
	ruff format --check .

format:
	ruff check --fix .
	ruff format .

types:
	mypy

contracts:
	lint-imports

test:
	python -m pytest

# whole trainings, each of more than five seconds
test-slow:
	python -m pytest -m slow

# in an environment with vLLM, see CONTRIBUTING.md
test-vllm:
	VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 python -m pytest -n 0 -m vllm tests/vllm tests/executors/policies tests/executors/prms

# in an environment with Ray, see CONTRIBUTING.md
test-ray:
	python -m pytest -n 0 -m ray tests/training/evaluation tests/training/sweep/engines tests/solving/remote

# clients that are not installed are left out, see CONTRIBUTING.md
test-server:
	python -m pytest -n 0 -m server tests/serving

# needs Chromium, and `pip install -c constraints.txt playwright`
test-browser:
	python -m pytest -n 0 -m browser tests/tracing tests/serving

docs:
	python scripts/check_docs.py

dist:
	python -m build
	python scripts/check_dist.py dist

ci:
	.ci/run
