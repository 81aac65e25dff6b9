"""A real Kubernetes node on this machine: node.py. Nothing is imported here: making its programs
needs no Python package (__main__.py).
"""
