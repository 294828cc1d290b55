"""Stands in for torchvision in .venv-label, where Label's modules ask for it and use nothing of it.

The registries' torchvision is built for CUDA and stops with `operator torchvision::nms does not exist` beside a
torch without. A torchvision that is installed is found first, and taken.
"""
