"""Reference runs: export, ONNX Runtime, verdict."""
