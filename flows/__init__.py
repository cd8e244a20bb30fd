"""Order of work: the steps of a campaign, and the Prefect flow that runs them."""
