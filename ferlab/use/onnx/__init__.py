"""A trained network as one ONNX file, which other programs run without ferlab and torch."""
