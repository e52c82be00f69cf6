"""Parts of the report page: pure functions from numbers and pictures to HTML."""
