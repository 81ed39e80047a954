BUNDLE = checkpoints/safepickle-1

.PHONY: test fuzz lint type model build wheel clean

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

# From the corpus to the bundle; docs/training.md says what each step needs and does.
model:
	python -m train.corpus build --config configs/corpus.yaml
	rm -rf runs/sequence/first runs/sequence/model runs/anomaly/model
	python -m train.handcrafted --data data/corpus --output runs/handcrafted
	python -m train fit -c configs/sequence.yaml --trainer.logger.init_args.version first
	python -m train.export --checkpoint runs/sequence/first/checkpoints/last.ckpt \
	    --handcrafted runs/handcrafted --output runs/first
	python -m train.adversarial --bundle runs/first --output data/corpus/searched.parquet
	python -m train fit -c configs/sequence.yaml -c configs/searched.yaml --trainer.logger.init_args.version model
	python -m train fit -c configs/autoencoder.yaml --trainer.logger.init_args.version model
	python -m train.anomaly --checkpoint runs/anomaly/model/checkpoints/last.ckpt --output data/anomaly
	python -m train.export --checkpoint runs/sequence/model/checkpoints/last.ckpt \
	    --handcrafted runs/handcrafted --anomaly data/anomaly --output $(BUNDLE)
	python -m train.members --bundle $(BUNDLE) --output docs/members.md
	python -m train.evaluate --config configs/judge.yaml
	python -m train.card $(BUNDLE) --metrics runs/judge/metrics.json
	python -m train.curves runs/sequence/model --output docs/training-curves.png

build: clean
	python -m build

wheel:
	.ci/wheel

clean:
	rm -rf build dist *.egg-info .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
