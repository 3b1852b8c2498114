"""The recall loop: what was collected says where more is to be found.

Read `rounds.py` first: it lists the steps of a round in order.
"""
