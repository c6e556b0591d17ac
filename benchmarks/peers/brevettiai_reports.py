"""Runs in the existing client's environment: its pivot table and its facets, as benchmarks/facets_pivot.py calls ours.

    .venv-client/bin/python benchmarks/peers/brevettiai_reports.py pivot SAMPLES.csv FOLDER
    .venv-client/bin/python benchmarks/peers/brevettiai_reports.py facets SAMPLES.csv FOLDER

Prints the seconds by the clock and the processor's, in one line, after whatever the library prints.
"""

import sys
import time

import pandas as pd
from brevettiai.data.data_generator import DataGenerator
from brevettiai.data.image.image_pipeline import ImagePipeline
from brevettiai.interfaces.facets_atlas import build_facets
from brevettiai.interfaces.pivot import export_pivot_table


def main() -> None:
    """Measures one of the two."""
    what, table, folder = sys.argv[1:]
    samples = pd.read_csv(table)
    samples["category"] = [tuple(labels.split("/")) for labels in samples["category"]]
    if what == "facets":
        # TensorFlow's own start is not what is compared.
        warm = DataGenerator(samples.head(32), output_structure="img").map(ImagePipeline(target_size=(64, 64)))
        next(warm.get_dataset_numpy())
    clock, processor = time.perf_counter(), time.process_time()
    if what == "pivot":
        export_pivot_table(folder, samples)
    else:
        images = DataGenerator(samples, output_structure="img").map(ImagePipeline(target_size=(64, 64)))
        build_facets(images, folder, count=len(samples))
    sys.stdout.write(f"\n{time.perf_counter() - clock} {time.process_time() - processor}\n")


if __name__ == "__main__":
    main()
