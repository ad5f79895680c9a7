import subprocess
import sys

HEAVY = ("torch", "transformers", "sklearn", "onnx", "scipy", "pandas", "tensorflow", "alembic")


def test_serving_imports_nothing_of_training_and_no_migrations():
    program = (
        "import sys, nlu.pipeline, nlu.registry, nlu.http, bot.model.nlu, bot.app;"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.split() == []


def test_only_the_session_imports_onnx_runtime():
    program = "import sys, nlu.tokenizer, nlu.batcher, nlu.decode, nlu.keywords, nlu.http;" + (
        "print('onnxruntime' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "False"
