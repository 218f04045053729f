"""Programs that train the workload of `benchmarks.workload`, one optimizer step a turn."""
