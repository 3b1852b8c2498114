"""What a person looks at: the run report, shards in the terminal, and why a page is gone."""
