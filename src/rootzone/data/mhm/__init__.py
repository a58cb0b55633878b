"""Folders of mHM: read, check, write."""
