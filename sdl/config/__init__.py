"""The border to what people write: campaign files, lab files and tables become the types of `sdl.campaign`.

What lives here: strict YAML with a position for every value, text with units, the JSON schema for editors, every check
that needs no hardware, the two built-in labs, and the reader of historical tables. What may enter: `chemistry` (what a
route allows) and everything below it. Nothing here writes a file: a refusal leaves no trace. All problems of a file are
reported at once, because a chemist at the bench corrects a file once, not ten times.
"""
