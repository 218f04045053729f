"""The reward task: reinforcement learning from what written tests or code earn by execution."""
