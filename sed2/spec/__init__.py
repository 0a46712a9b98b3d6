"""Reading a spec: YAML with places (`yaml`), the paper's notation, and the models they hold."""
