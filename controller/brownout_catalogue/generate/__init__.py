"""Files that a repository gets: experiments, brownout.yaml, the CI job; and what became of them since."""
