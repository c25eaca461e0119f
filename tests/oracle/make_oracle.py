# Writes tests/data/oracle/NAME: a tiny model (tiny_models.py, dense_models.py), its tokens, and what the reference
# engine makes of them.
# Needs numpy, gguf and llama-cpp-python; the reference is built with GELU in float32 where a model has it.
#   make_oracle.py OUT_FOLDER [NAME...]
import json
import pathlib
import sys

import gguf
import numpy as np

import dense_models
import tiny_models
from reference import Reference, quiet
from tiny_models import VOCAB

N_TOKENS, N_CTX, N_GREEDY = 48, 256, 24
MODELS = tiny_models.MODELS | dense_models.MODELS


def write_model(path, m):
    writer = gguf.GGUFWriter(path, m.arch)
    for key, value in {f"{m.arch}.{key}": value for key, value in m.meta.items()}.items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_array(key, value)
    for key, value in m.tokenizer.items():
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
    for name, values in m.tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make(folder, name):
    m = MODELS[name]()
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "model.gguf", m)
    encoder = "pooling_type" in m.meta
    tokens = [1] + np.random.default_rng(len(name)).integers(3, VOCAB, N_TOKENS - 1).tolist()
    reference = Reference(folder / "model.gguf", N_CTX, encoder)
    rows = reference.rows(tokens)
    rows.astype("<f4").tofile(folder / "logits.f32")
    facts = {"arch": m.arch, "n_ctx": N_CTX, "n_tokens": N_TOKENS, "n_rows": N_TOKENS, "n_out": rows.shape[1],
             "output": "embeddings" if encoder else "logits", "tokens": tokens}
    (folder / "tokens.json").write_text(json.dumps(facts) + "\n")
    if not encoder:
        greedy, gaps, row = [], [], rows[-1]
        for _ in range(N_GREEDY):
            order = np.argsort(-row, kind="stable")
            greedy.append(int(order[0]))
            gaps.append(round(float(row[order[0]] - row[order[1]]), 4))
            row = reference.rows(greedy[-1:])[0]
        (folder / "greedy.json").write_text(json.dumps({"tokens": greedy, "gap": gaps}) + "\n")
        print(f"{name}: smallest greedy gap {min(gaps)}, logits rms {np.sqrt(np.mean(rows ** 2)):.3f}")
    print(f"{name}: {(folder / 'model.gguf').stat().st_size} bytes")


if __name__ == "__main__":
    quiet()
    for model_name in sys.argv[2:] or MODELS:
        make(pathlib.Path(sys.argv[1]) / model_name, model_name)
