"""A deterministic laboratory in one process: the real controller and store, and everything else injected.

``robot`` keeps robot-server's rules without threads, ``faults`` are what goes wrong, ``devices`` clock, reader and
operator; ``world`` joins them with a person and crash points;
``explore`` enumerates crashes, second crashes, robot faults and power cuts; ``bugs`` are mistakes that must be caught.
"""
