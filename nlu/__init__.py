"""Natural-language understanding, served by ONNX Runtime; knows nothing of dialogue."""
