"""Linear systems and what rests on them: solve, inv, det, norms, powers."""
