"""Importers of model files, each with the runtime that defines what the file computes."""
