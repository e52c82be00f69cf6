"""Parts of the report page: functions from scores, pictures and published files to HTML.

Imports tracking, files, contract, numerics, artifacts, registry and params.
"""
