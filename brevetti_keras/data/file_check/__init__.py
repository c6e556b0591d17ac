"""Every file of a job is read once before training: hashed, judged, and decoded into the cache.

    from brevetti_keras.data.file_check.checker import FileChecker

    with FileChecker(caches=[(None, pipeline.reader)]) as checker:
        hashes = checker.etags(paths, sizes, modified_ns)       # as HashMemory, and every file is judged on the way
        checker.verify("/data/1.png")                           # None, or why the file cannot be used

Paths with their size and time → what is remembered of them (facts.py) → the others go, one at a time, to child
processes with a limit on memory (pool.py), which read, hash, judge and decode (worker.py) → the memories. What a
decoder does to the process that it runs in, a crash or gigabytes, ends a child and is the file's verdict.
"""
