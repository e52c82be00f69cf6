"""Anyone's files of ground truth and results of a task, read and scored as the task's benchmark does.

Each module has `score_files(truth, results)`, which returns a `Scored`.
"""
