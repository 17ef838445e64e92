"""The HTTP service: requests to one function call of the package, answers to bytes.

A floor above everything else: nothing imports it. Routes declare their scope, parse, call and
answer; what is stored and how is decided below.
"""
