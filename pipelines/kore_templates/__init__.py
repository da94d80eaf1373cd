"""Files that `kore-campaigns init` writes: a project, and parts for other programs."""
