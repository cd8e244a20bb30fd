"""A lab that exists in numbers only: robot, chemistry, reader, operator and clock, in a process of its own.

Nobody imports this package; the controller reaches it over loopback with the drivers that a real lab gets.
"""
