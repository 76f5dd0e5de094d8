"""Which parameters a trial gets: the space, its syntax, the sampler, the constraints."""
