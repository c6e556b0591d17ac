"""Samples, their split, and the tf.data pipelines that feed a model."""
