"""One run: the LightningModule, its epochs, and `train`, which reads top to bottom."""
