"""From a project's examples to a model bundle; the only package that imports torch."""
