/* The C interface of Hearth: language models on this device for any language that can call C.
 *
 * - Errors are values. A call that can fail returns NULL or a code other than 0 and fills `error`, if one was given.
 * - Structs carry their size first, so that they can grow: set `size` to sizeof the struct, zero the rest.
 * - Texts are UTF-8 and end with NUL. What a call returns belongs to the caller, who frees it with the function that
 *   stands beside it; texts reached through an object live as long as the object.
 * - Models may be used from several threads at once. A chat, a reply or an error belongs to one thread at a time.
 *   hearth_cancel_request and the hearth_model_on_ functions may be called from any thread at any time.
 * - Nothing is printed, no environment is read, nothing leaves the device. */
#ifndef HEARTH_H
#define HEARTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with every function or member that is added; what is there never changes. */
#define HEARTH_ABI_VERSION 2
uint32_t hearth_abi_version(void);
/* "0.1.0" */
const char* hearth_version(void);

/* ---- errors ---- */

/* The codes are those of docs/errors.md; 0 is success. */
typedef struct hearth_error {
  size_t size;
  int32_t code;
  char message[1012]; /* one sentence: what was done, what was wrong, the cure; cut where it is longer */
} hearth_error;

/* ---- models ---- */

typedef struct hearth_model hearth_model;

/* Called while a model loads. Returns 0 to go on. */
typedef int (*hearth_progress_fn)(void* user, uint64_t done_bytes, uint64_t total_bytes);

typedef struct hearth_model_options {
  size_t size;
  const char* engine;        /* NULL: the one that knows the file */
  const char* isa;           /* NULL: the best kernel table */
  const char* cache_folder;  /* where packed weights are kept for the next start; NULL: nowhere */
  const char* chat_template; /* the text of a Jinja template; NULL: the model's own */
  int32_t n_threads;         /* 0: the cores this process may use */
  uint32_t n_ctx;            /* positions of the context; 0: what the model was trained for */
  uint64_t keep_bytes;       /* how much of past conversations is kept for reuse; 0: the default */
  hearth_progress_fn progress;
  void* user; /* for progress */
  /* A load that needs more memory than is free fails with insufficient_memory (7) and says what would fit, before the
   * weights are read. */
  uint64_t max_memory_bytes;  /* what the process may hold with this model; 0: what is free */
  const char* journal_folder; /* where a load is written down while it runs: when it ends the process, the next one
                               * takes less memory and hearth_model_info says why; when that dies, too, the model is
                               * refused with load_failed (16). NULL: nothing is written */
  const char* kv;             /* how keys and values are stored: "f16", "f32", "q8_0"; NULL: "f16" */
  int32_t force;              /* not 0: load even where memory is short, or where loading it ended badly before */
  const char* activations; /* how they meet BF16 weights: "float", or "bf16": rounded (numeric recipe 2), faster where
                            * the processor multiplies BF16; NULL: "float". "recipe" of hearth_model_info tells whether
                            * engine and model follow it */
} hearth_model_options;

/* `options` may be NULL. */
hearth_model* hearth_model_open(const char* path, const hearth_model_options* options, hearth_error* error);
/* After the last chat and reply of this model was closed. Running answers end first. */
void hearth_model_close(hearth_model* model);
/* Facts about the model as JSON; free with hearth_text_free. */
char* hearth_model_info(hearth_model* model, hearth_error* error);
/* Runs the model once, so that the first answer finds everything in memory. */
int32_t hearth_model_warm_up(hearth_model* model, hearth_error* error);
/* Reads a request's messages ahead, while the user still types. */
int32_t hearth_model_prime(hearth_model* model, const char* request_json, hearth_error* error);

/* The host's life: memory is short (what is kept for reuse is given up); the application is no longer seen (answers
 * end, what was said is kept, new ones are refused); it is seen again. */
void hearth_model_on_memory_warning(hearth_model* model);
void hearth_model_on_background(hearth_model* model);
void hearth_model_on_foreground(hearth_model* model);

/* ---- answers ---- */

/* Asks an answer to stop, from any thread; what was said is kept. */
typedef struct hearth_cancel hearth_cancel;
hearth_cancel* hearth_cancel_new(void);
void hearth_cancel_request(hearth_cancel* cancel);
void hearth_cancel_free(hearth_cancel* cancel);

/* Called on the thread that asked, while the answer comes. NULL members are not called; the others return 0 to go on,
 * anything else stops the answer and keeps what was said. Texts are valid during the call and end with NUL. */
typedef struct hearth_events {
  size_t size;
  void* user;
  int (*text)(void* user, const char* text, size_t n_bytes);
  int (*reasoning)(void* user, const char* text, size_t n_bytes);
  int (*prompt)(void* user, size_t n_done, size_t n_all);
} hearth_events;

typedef struct hearth_reply hearth_reply;
void hearth_reply_free(hearth_reply* reply);
/* What was said, without thoughts. */
const char* hearth_reply_text(const hearth_reply* reply);
const char* hearth_reply_reasoning(const hearth_reply* reply);
/* "stop", "max_tokens", "cancelled", ... */
const char* hearth_reply_reason(const hearth_reply* reply);
/* All answers with calls of tools and the receipt, as JSON. */
const char* hearth_reply_json(const hearth_reply* reply);

/* Answers a request: {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100, ...}; docs/c-api.md lists the
 * members, among them "response_format" for JSON that fits a schema. `events` and `cancel` may be NULL. */
hearth_reply* hearth_generate(hearth_model* model, const char* request_json, const hearth_events* events,
                              hearth_cancel* cancel, hearth_error* error);

/* The meaning of a text as `*n_values` numbers, for models made for that; free with hearth_values_free. */
float* hearth_embed(hearth_model* model, const char* text, size_t* n_values, hearth_error* error);
void hearth_values_free(float* values);

/* ---- chats ---- */

/* A conversation that remembers what was said. Several may share a model. */
typedef struct hearth_chat hearth_chat;
/* `options_json` is a request without an answer yet: instructions in "messages", "temperature", ...; may be NULL. */
hearth_chat* hearth_chat_open(hearth_model* model, const char* options_json, hearth_error* error);
void hearth_chat_close(hearth_chat* chat);
/* A chat that begins with the same words, to go another way. */
hearth_chat* hearth_chat_fork(const hearth_chat* chat, hearth_error* error);
/* What a function of the host answers to a call: a result, or an error that the model is told. The last one counts. */
typedef struct hearth_tool_answer hearth_tool_answer;
void hearth_tool_answer_result(hearth_tool_answer* answer, const char* text);
void hearth_tool_answer_error(hearth_tool_answer* answer, const char* text);
/* Called on the thread that asked; `arguments_json` is an object, valid during the call. Answer before returning. */
typedef void (*hearth_tool_function)(void* user, const char* arguments_json, hearth_tool_answer* answer);
/* Offers a function to the model in this chat and its later forks: {"name", "description", "parameters"}, the last a
 * JSON Schema. Its calls are answered until the model has done with them, in at most 8 steps of one answer. */
int32_t hearth_chat_offer(hearth_chat* chat, const char* tool_json, hearth_tool_function function, void* user,
                          hearth_error* error);
/* Says something and waits for the answer; on an error the chat is as before. */
hearth_reply* hearth_chat_say(hearth_chat* chat, const char* text, const hearth_events* events, hearth_cancel* cancel,
                              hearth_error* error);
/* Another answer to the user's last words. */
hearth_reply* hearth_chat_again(hearth_chat* chat, const hearth_events* events, hearth_cancel* cancel,
                                hearth_error* error);
/* Takes back the user's last words and what came after; 1 when there was something to take back. */
int32_t hearth_chat_undo(hearth_chat* chat);
/* {"messages": [...]}; free with hearth_text_free. hearth_chat_open takes it as options. */
char* hearth_chat_messages(const hearth_chat* chat, hearth_error* error);

void hearth_text_free(char* text);

#ifdef __cplusplus
}
#endif

#endif
