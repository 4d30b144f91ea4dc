"""The filter that learns from its users: features, the model that weighs them, the trainer, the evaluation.

Pure: octets and values in, numbers out; files only where a path is given. docs/learning.md explains it.
"""
