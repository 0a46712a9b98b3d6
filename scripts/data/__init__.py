"""The bundled data sets, made from the whole ones."""
