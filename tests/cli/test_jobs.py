def test_no_job_yet_says_what_to_do(command):
    assert "brevetti-keras demo" in command("jobs").out
    assert command("jobs", "--json").json() == []


def test_an_unknown_job_is_one_clear_line(command):
    for words in (("show", "nothing"), ("stop", "nothing")):
        assert "nothing" in command.fails(*words, status=1)


def test_a_wrong_limit_is_wrong_use(command):
    assert "--limit" in command.fails("jobs", "--limit", "0", status=2)


def test_a_job_that_is_not_running_is_not_stopped_twice(command):
    from brevetti_keras.platform import connect

    platform = connect(command.workspace)
    job = platform.jobs.create("waiting")
    first = command("stop", job.id)
    assert first.status == 0
    assert "stopped" in first.out
    again = command("stop", job.id)
    assert "stopped" in again.out + again.err
