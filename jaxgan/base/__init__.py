"""Basics that every other part imports: types, checks, keys, random numbers, files, the machine."""
