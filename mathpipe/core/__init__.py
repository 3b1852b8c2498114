"""The spine: records, stages, store, manifest, runner, config, errors, metrics and progress."""
