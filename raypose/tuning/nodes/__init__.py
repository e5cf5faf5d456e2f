"""The Ray cluster: joining or starting it, looking at its nodes, what a trial takes of them."""
