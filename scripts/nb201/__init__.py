"""NAS-Bench-201: does 2sED order its cells as their accuracy does?"""
