"""Attribution of change: who set each value of a session last, and how that is known.

Pure: sessions, events and outputs in, answers out. What was not seen is `unknown`, never `human`.
"""
