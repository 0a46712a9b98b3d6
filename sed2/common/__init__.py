"""What any part may use, and what knows nothing of networks: files, memory, threads, progress."""
