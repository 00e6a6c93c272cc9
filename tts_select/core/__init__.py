"""The values that every room shares: problems, candidates, costs, plans, solutions, protocols, errors."""
