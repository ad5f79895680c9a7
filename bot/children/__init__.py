"""The programs `parley run` starts beside itself: Redis and the action server.

A child dies with its parent, even one killed with -9, and never outlives `parley run`.
"""
