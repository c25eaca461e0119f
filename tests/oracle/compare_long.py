# Long prompts, beyond one attention block, one window and one micro-batch: hearth against the reference engine.
#   compare_long.py HEARTH N_TOKENS MODEL.gguf...
# HEARTH is the command; prints one line per model. Every model's context must hold what is asked of it, or all it can.
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np

from reference import Reference, quiet


def compare(hearth, n_tokens, path):
    fields = gguf.GGUFReader(path).fields
    arch = fields["general.architecture"].contents()
    n_ctx = fields[f"{arch}.context_length"].contents()
    encoder = f"{arch}.pooling_type" in fields
    reference = Reference(path, n_ctx, encoder)
    n = min(n_tokens, n_ctx)
    tokens = [1] + np.random.default_rng(n).integers(3, min(reference.n_vocab, 300), n - 1).tolist()
    with tempfile.TemporaryDirectory() as folder:
        ids, out = pathlib.Path(folder) / "tokens.json", pathlib.Path(folder) / "rows.f32"
        ids.write_text(json.dumps(tokens))
        subprocess.run([*hearth.split(), "logits", path, "--tokens", ids, "--out", out, "--ctx", str(n_ctx), "--kv", "f32"],
                       check=True)
        ours = np.fromfile(out, "<f4").astype(np.float64).reshape(n, -1)
    theirs = reference.rows(tokens).astype(np.float64)
    error = np.abs(ours - theirs)
    flips = int(np.sum(ours.argmax(1) != theirs.argmax(1)))
    print(f"{arch:14} {n:5} tokens  max abs {error.max():.2e} at row {error.max(1).argmax()}  rel. RMS "
          f"{np.sqrt((error ** 2).sum() / (theirs ** 2).sum()):.2e}  best token differs in {flips} rows", flush=True)


if __name__ == "__main__":
    quiet()
    for model in sys.argv[3:]:
        compare(sys.argv[1], int(sys.argv[2]), model)
