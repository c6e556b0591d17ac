import mmap
import os
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf

from brevetti_keras.data.buffers import Buffers


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize("shape", [(), (3,), (5, 7, 11, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_are_as_asked_and_lie_on_a_border_of_64_bytes(shape, dtype):
    array = Buffers().empty(shape, dtype)
    assert (array.shape, array.dtype) == (shape, dtype)
    assert address(array) % 64 == 0
    assert array.flags.c_contiguous
    array[...] = 1
    assert Buffers().empty((0, 3), dtype).shape == (0, 3)


def test_what_is_held_is_not_given_again_and_what_is_not_is():
    buffers = Buffers()
    first = buffers.empty((100,), np.float32)
    second = buffers.empty((100,), np.float32)
    assert not np.shares_memory(first, second)
    part, where = first[3:5], address(first)
    del first
    assert address(buffers.empty((100,), np.float32)) not in {where, address(second)}  # a part still holds it
    del part
    assert address(buffers.empty((100,), np.float32)) == where


def test_another_size_is_another_array():
    buffers = Buffers()
    for count in (100, 7, 100, 7):
        assert buffers.empty((count,), np.uint8).nbytes == count
    assert len(buffers._kept) == 1


def test_a_smaller_batch_goes_where_a_larger_one_was_and_the_smallest_that_fits_is_taken():
    buffers = Buffers()
    held = [buffers.empty((count,), np.uint8) for count in (900, 300, 600)]
    large, small, middle = map(address, held)
    held.clear()
    assert address(buffers.empty((400,), np.uint8)) == middle
    held = [buffers.empty((300,), np.uint8), buffers.empty((300,), np.uint8), buffers.empty((300,), np.uint8)]
    assert [address(array) for array in held] == [small, middle, large]
    assert [array.nbytes for array in held] == [300, 300, 300]


def test_what_is_too_small_gives_way_unless_it_is_held():
    buffers = Buffers()
    held = buffers.empty((10,), np.uint8)
    held[...] = 7
    buffers.empty((20,), np.uint8)
    larger = buffers.empty((30,), np.uint8)
    assert sorted(kept.nbytes for kept in buffers._kept) == [10, 30]
    larger[...] = 1
    assert held.tolist() == [7] * 10


def test_memory_goes_back_to_the_system_when_the_buffers_go(monkeypatch):
    mappings = []

    class Mapping(mmap.mmap):
        def __init__(self, _, size, *more):
            mappings.append((size, weakref.ref(self)))

    monkeypatch.setattr(mmap, "mmap", Mapping)
    buffers = Buffers()
    for array in [buffers.empty((20 * 10**6,), np.uint8) for _ in range(3)]:
        array[...] = 1
    del array
    assert [size for size, mapping in mappings if mapping() is not None] == [20 * 10**6] * 3
    del buffers
    assert [mapping() for _, mapping in mappings] == [None] * 3


def test_a_forked_process_writes_into_its_own():
    array = Buffers().empty((100,), np.uint8)
    array[...] = 1
    child = os.fork()
    if not child:
        array[...] = 2
        os._exit(int(array.sum() != 200))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert array.sum() == 100


def test_no_more_is_kept_than_told():
    buffers = Buffers(largest_sum=1000)
    held = [buffers.empty((300,), np.uint8) for _ in range(9)]
    assert len({address(array) for array in held}) == 9
    assert sum(kept.nbytes for kept in buffers._kept) <= 1000


def test_threads_never_get_the_same_array():
    buffers, wrong = Buffers(), []

    def use(number: int) -> None:
        for _ in range(300):
            array = buffers.empty((50,), np.int64)
            array[...] = number
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_batches_of_a_dataset_stay_what_they_were():
    buffers = Buffers()

    def fill(number):
        array = buffers.empty((64, 64), np.float32)
        array[...] = number
        return array

    numbers = tf.data.Dataset.range(40).map(
        lambda number: tf.numpy_function(fill, [number], tf.float32), num_parallel_calls=4
    )
    held = list(numbers.prefetch(4))
    assert [float(tensor[0, 0]) for tensor in held] == list(range(40))
    assert all(bool(tf.reduce_all(tensor == tensor[0, 0])) for tensor in held)
