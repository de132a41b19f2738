"""Service: an index that is asked over HTTP; needs the extra ``serve``.

Reading order: ``limits`` (what one client may take), ``asked`` (from bytes to a checked
question), ``refusals`` (errors as status and JSON), ``slots`` and ``desk`` (who is let
in, which thread answers), ``metrics``, ``watched`` (the index and its lost shards),
``service`` and, of these the only ones that need the extra, ``app`` (FastAPI) and
``running`` (uvicorn).
"""
