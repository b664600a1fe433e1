"""Plans that come with the service, as YAML. Examples only: their figures belong to no real plan."""
