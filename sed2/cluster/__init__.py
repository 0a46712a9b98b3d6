"""The candidates of a ranking as tasks on a Ray cluster; `pip install 'sed2-rank[ray]'` brings Ray.

`connect` reaches the cluster and looks at its nodes, `demand` says what a task needs of a node,
`sweep` hands the tasks out and takes their values in, and `worker` is what runs on the nodes. Ray
is imported when a cluster is asked for, not before.
"""
