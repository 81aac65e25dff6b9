"""What readygate costs, as ratios to the least that the same thing can cost, in one run."""
