"""A job's log as it grows, to its end. In: a cluster's jobs and an id. Out: text on the terminal, and the job that has ended.

A connection that drops is made again, RECONNECTIONS times in a row, and one that is quiet is made again as a precaution; what
was shown is not shown again. Costs the whole log once more for each of them.
"""

import time

from jobs.command_line import DONE, EXIT_CODES, INCOMPLETE, WRONG_USE
from jobs.logs import say
from pipeline.cluster.jobs import Job, RayJobs
from pipeline.errors import ClusterError, ClusterRefused

RECONNECTIONS = 10
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 15.0
"""Ten waits are 105 s in all: a head that is started again on Kubernetes takes about a minute."""
OUR_CODES = frozenset({DONE, INCOMPLETE, WRONG_USE, *(code for _, code in EXIT_CODES)})


def follow(jobs: RayJobs, job_id: str) -> Job:
    """Shows the log until the job has ended. Raises ClusterError when the cluster cannot be reached any more."""
    num_chars_shown = 0
    num_failures = 0
    while True:
        try:
            job = jobs.job(job_id)
            num_chars = 0
            for piece in jobs.log(job_id):
                num_chars += len(piece)
                fresh = piece[max(0, len(piece) - max(0, num_chars - num_chars_shown)) :]
                if fresh:
                    num_chars_shown, num_failures = num_chars, 0
                    print(fresh, end="", flush=True)
            if job.has_ended:  # before its log was read: nothing can have been missed
                return job
            wait_s = FIRST_WAIT_S
        except ClusterRefused:
            raise
        except ClusterError as error:
            if num_failures == RECONNECTIONS:
                raise
            wait_s = min(FIRST_WAIT_S * 2**num_failures, LONGEST_WAIT_S)
            num_failures += 1
            say(f"pagemill: {error}; connecting again in {wait_s:g} s")
        time.sleep(wait_s)


def exit_code_of_job(job: Job) -> int:
    """The job's own when it is one of ours; a job that was stopped or lost is incomplete, and says so."""
    if job.exit_code in OUR_CODES:
        return int(job.exit_code)
    if job.status == "SUCCEEDED":
        return DONE
    say(f"pagemill: job {job.job_id} {job.status.lower()}: {job.message}")
    say("pagemill: what is committed stays, the same command goes on from there")
    return INCOMPLETE
