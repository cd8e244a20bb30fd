"""The right to execute one run once: plan, reserve, upload, verify, arm, start, follow, record.

Each function takes an attempt one arrow further along its state machine and can be called again after a crash: the
store says what happened, the robot is asked what it knows, and nothing that moves liquid is ever sent twice. What may
enter: everything of ``sdl`` below reports; no model and no scheduler of work.
"""
