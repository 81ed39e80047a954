.PHONY: test fuzz lint type build wheel clean

test:
	python -m pytest --cov

fuzz:
	python -m tests.fuzz --seconds 600
	python -m tests.fuzz.differential 0 20000

lint:
	ruff check
	ruff format --check

type:
	mypy

build: clean
	python -m build

wheel:
	.ci/wheel

clean:
	rm -rf build dist *.egg-info .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
