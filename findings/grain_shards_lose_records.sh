#!/usr/bin/env bash
# Grain's DataLoader leaves records out where its shards should keep the remainder, and says nothing.
#
# Common guess: with `drop_remainder=False`, the default, the docs give the first shards one record more each. So in one
#   epoch all shards together have each record once.
# Seen (grain 0.2.18): the sampler splits 11 records among 3 shards as 4, 4 and 3. The loader then stops each shard
#   after 11 // 3 = 3 records, so two records are read by nobody. Of 5 records on 8 shards no shard gets any. With two
#   epochs a shard of 4 records yields 7. Nothing is logged, where `drop_remainder=True` warns of the same loss. Slices
#   of a MapDataset have all records. It matters for features or scores that hosts compute once for each image.
# So: slice a MapDataset, `dataset[index::count]`, where each record has to be read once; or count the records.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q grain==0.2.18 numpy==2.4.6
cd "$work"
venv/bin/python - 2> messages.txt << 'PY' || { cat messages.txt; exit 1; }
import grain


def read(records, shards, epochs, shuffle=False):
    """Return what each shard's loader reads."""
    found = []
    for index in range(shards):
        options = grain.sharding.ShardOptions(shard_index=index, shard_count=shards)
        assert not options.drop_remainder
        sampler = grain.samplers.IndexSampler(
            num_records=records, shard_options=options, shuffle=shuffle, num_epochs=epochs, seed=0
        )
        source = grain.sources.RangeDataSource(0, records, 1)
        loader = grain.DataLoader(data_source=source, sampler=sampler, worker_count=0)
        found.append([int(record) for record in loader])
    return found


for records, shards, lost in ((12, 3, 0), (11, 3, 2), (10, 3, 1), (15, 8, 7), (5, 8, 5)):
    for shuffle in False, True:
        seen = read(records, shards, 1, shuffle)
        missing = sorted(set(range(records)) - {record for shard in seen for record in shard})
        print(f"{records} records, {shards} shards, shuffle={shuffle}: {seen}, read by nobody: {missing}")
        assert len(missing) == lost
        assert all(len(shard) == records // shards for shard in seen)
assert read(11, 3, 1) == [[0, 1, 2], [4, 5, 6], [8, 9, 10]]
twice = read(11, 3, 2)
print("11 records, 3 shards, two epochs:", twice)
assert twice == [[0, 1, 2, 3, 0, 1, 2], [4, 5, 6, 7, 4, 5, 6], [8, 9, 10, 8, 9, 10, 8]]
sliced = [[int(record) for record in grain.MapDataset.range(11)[index::3]] for index in range(3)]
print("slices of a MapDataset:", sliced)
assert sorted(record for shard in sliced for record in shard) == list(range(11))
PY
if grep -i "drop" messages.txt; then exit 1; fi
