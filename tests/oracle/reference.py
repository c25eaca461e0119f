# The reference engine through llama-cpp-python: every position's logits or hidden states in plain float32 arithmetic.
import ctypes

import llama_cpp as lc
import numpy as np


class Reference:
    def __init__(self, path, n_ctx, encoder=False):
        self.encoder = encoder
        params = lc.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_mmap = False
        self.model = lc.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise RuntimeError(f"the reference refuses {path}")
        context = lc.llama_context_default_params()
        context.n_ctx, context.n_batch, context.n_ubatch = n_ctx, n_ctx, n_ctx if encoder else 256
        context.n_threads = context.n_threads_batch = 1
        context.flash_attn_type = 0  # off
        context.type_k = context.type_v = 0  # F32
        context.embeddings = encoder
        if encoder:
            context.pooling_type = 0  # none: every position
        self.context = lc.llama_init_from_model(self.model, context)
        if not self.context:
            raise RuntimeError(f"the reference makes no context for {path}")
        self.n_vocab = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(self.model))
        self.n_out = lc.llama_model_n_embd(self.model) if encoder else self.n_vocab
        self.length = 0

    def rows(self, tokens):
        """Appends the tokens; [len(tokens), n_out]."""
        batch = lc.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = int(token), self.length + i, 1, 1
            batch.seq_id[i][0] = 0
        status = (lc.llama_encode if self.encoder else lc.llama_decode)(self.context, batch)
        if status != 0:
            raise RuntimeError(f"the reference fails with {status}")
        self.length += len(tokens)
        get = lc.llama_get_embeddings_ith if self.encoder else lc.llama_get_logits_ith
        pointer = ctypes.POINTER(ctypes.c_float)
        rows = [np.ctypeslib.as_array(ctypes.cast(get(self.context, i), pointer), (self.n_out,)).copy()
                for i in range(len(tokens))]
        lc.llama_batch_free(batch)
        return np.stack(rows)


def quiet():
    """The reference keeps its log to itself."""
    global _silence
    _silence = lc.llama_log_callback(lambda level, text, data: None)
    lc.llama_log_set(_silence, ctypes.c_void_p(0))
