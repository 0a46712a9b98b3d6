"""Does 2sED tell which architecture trains best?"""
