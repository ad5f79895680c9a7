"""Public data sets as examples, a file each; ../shared/datasets tells more of each."""
