"""Graph to Graph: bring every spelling up to the highest operator that says the same thing."""
