"""numpy_exchange.py IO_COPY: NumPy reads what tool/io writes and the reverse. Run by CTest.

Every dtype x byte order x array order x shape through .npy, .npz (stored and deflated) and text; exits 77 without NumPy.
"""
import itertools
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError as reason:
    print(f"skipped: {sys.executable} cannot import numpy ({reason})")
    sys.exit(77)

IO_COPY = sys.argv[1]
DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]
SHAPES = [(), (1,), (7,), (0,), (3, 5), (5, 0, 2), (2, 3, 4), (1, 1), (2, 1, 3, 1, 2), (1,) * 31 + (3,), (2, 1) * 6 + (1,) * 20]
random = np.random.default_rng(1)


def sample(dtype, shape):
    """Random bytes, so that every exponent, sign, NaN and integer range occurs."""
    kind = np.dtype(dtype)
    if kind == np.bool_:
        return random.integers(0, 2, shape).astype(bool)
    count = int(np.prod(shape, dtype=int))
    return np.frombuffer(random.bytes(count * kind.itemsize), kind).reshape(shape)


def promoted(array):
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return array.astype(np.float32 if single else np.float64)


def check(what, expected, got):
    assert got.dtype == expected.dtype and got.dtype.isnative, f"{what}: dtype {got.dtype}, expected {expected.dtype}"
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    assert got.flags.c_contiguous, f"{what}: not C order"
    same = np.array_equal(got, expected, equal_nan=True) and np.array_equal(np.signbit(got), np.signbit(expected))
    assert same, f"{what}: values differ"


def copy(pairs):
    result = subprocess.run([IO_COPY, *itertools.chain(*pairs)], stdout=subprocess.PIPE, text=True)
    return result.returncode, result.stdout


def all_arrays():
    for dtype, shape, byte_order, order in itertools.product(DTYPES, SHAPES, "<>", "CF"):
        array = np.asarray(sample(dtype, shape).astype(np.dtype(dtype).newbyteorder(byte_order)), order=order)
        yield f"{byte_order}{dtype} {order} {shape}", array


def exchange_binary(folder):
    expected, pairs = {}, []
    for number, (what, array) in enumerate(all_arrays()):
        source = os.path.join(folder, f"in{number}")
        with open(source + ".npy", "wb") as file:
            np.lib.format.write_array(file, array, version=[None, (1, 0), (2, 0), (3, 0)][number % 4])
        np.savez(source + ".npz", array)
        np.savez_compressed(source + "c.npz", logits=array)
        for suffix, out in ((".npy", ".npy"), (".npz", ".npz"), ("c.npz:logits", ".npz:back")):
            target = os.path.join(folder, f"out{number}{suffix[:1]}{len(pairs)}{out}")
            pairs.append((source + suffix, target))
            expected[target] = (what + " " + suffix, promoted(array))
    code, messages = copy(pairs)
    if "no zlib" in messages:
        print("built without zlib: deflated members not exchanged")
        messages = "\n".join(m for m in messages.splitlines() if "no zlib" not in m)
        expected = {t: e for t, e in expected.items() if os.path.exists(t.split(":")[0])}
        code = 0
    assert code == 0 and not messages, messages
    for target, (what, array) in expected.items():
        got = np.load(target.split(":")[0])
        if ".npz" in target:
            name = "back" if target.endswith(":back") else "arr_0"
            assert got.files == [name], got.files
            assert got.zip.testzip() is None
            got = got[name]
        check(what, array, got)
    return len(expected)


def exchange_text(folder):
    """CSV holds float64; float32 comes back through float64 to the same bits."""
    count = 0
    for dtype, shape, (suffix, separator) in itertools.product(
        ("f2", "f4", "f8", "i8"), ((1, 1), (4, 3), (1, 6), (6, 1)), ((".csv", ","), (".tsv", "\t"))
    ):
        array = promoted(sample(dtype, shape))
        binary, text, back = (os.path.join(folder, f"text{count}{end}") for end in (".npy", suffix, "back.npy"))
        np.save(binary, array)
        code, messages = copy([(binary, text), (text, back)])
        assert code == 0, messages
        got = np.load(back)
        assert got.dtype == np.float64, got.dtype
        nans = np.isnan(array)
        assert np.array_equal(np.isnan(got), nans)
        check(text, np.where(nans, 0, array), np.where(nans, 0, got.astype(array.dtype)))
        loaded = np.loadtxt(text, delimiter=separator, ndmin=2).astype(array.dtype)
        check(text + " loadtxt", np.where(nans, 0, array), np.where(nans, 0, loaded))
        np.savetxt(text, array.astype(np.float64), delimiter=separator, header="a comment", fmt="%.17g")
        code, messages = copy([(text, back)])
        assert code == 0, messages
        assert np.array_equal(np.load(back).astype(array.dtype), array, equal_nan=True)
        count += 1
    return count


def shortest_text(folder):
    """As short as Python's repr, which is the shortest there is."""
    values = np.concatenate([random.random(2000), random.random(2000) * 10.0 ** random.integers(-300, 300, 2000)])
    source, target = os.path.join(folder, "short.npy"), os.path.join(folder, "short.csv")
    np.save(source, values.reshape(-1, 1))
    code, messages = copy([(source, target)])
    assert code == 0, messages
    with open(target) as file:
        lines = file.read().split()
    digits = lambda text: text.lower().split("e")[0].replace(".", "").replace("-", "").strip("0")
    for value, line in zip(values, lines):
        assert float(line) == value and len(digits(line)) <= len(digits(repr(float(value)))), (value, line)
    return len(values)


def refused(folder):
    arrays = {
        "complex": np.zeros(2, complex),
        "string": np.array(["a"]),
        "object": np.array([None], dtype=object),
        "date": np.zeros(2, "M8[s]"),
        "fields": np.zeros(2, [("a", "f4"), ("b", "i2")]),
        "long": np.zeros(2, np.longdouble),
    }
    for name, array in arrays.items():
        source, target = os.path.join(folder, name + ".npy"), os.path.join(folder, name + "-out.npy")
        np.save(source, array, allow_pickle=True)
        code, messages = copy([(source, target)])
        assert code == 65 and ("dtype" in messages or "named fields" in messages), (name, code, messages)
        assert not os.path.exists(target)
    with open(os.path.join(folder, "two.npy"), "wb") as file:
        np.save(file, np.zeros(3))
        np.save(file, np.zeros(3))
    code, messages = copy([(file.name, os.path.join(folder, "two-out.npy"))])
    assert code == 65 and "152 bytes follow the last element" in messages, messages
    return len(arrays) + 1


MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
with tempfile.TemporaryDirectory(dir=MEMORY) as where:
    binary = exchange_binary(where)
    print(f"numpy {np.__version__}: {binary} binary files, {exchange_text(where)} tables, "
          f"{shortest_text(where)} shortest texts, {refused(where)} refusals")
