/* The C of the pages, compiled as C11. snippets_test.cpp compares it with them and runs the first. */
#include <stdio.h>

#include "hearth/hearth.h"

int docs_c_chat(void);
int docs_c_care(void);

/* What was said, 1; an error, 0. */
int docs_c_chat(void) {
  hearth_events events = {.size = sizeof events};

  hearth_error error = {.size = sizeof error};
  hearth_model* model = hearth_model_open("model.gguf", NULL, &error);
  hearth_chat* chat = model ? hearth_chat_open(model, "{\"max_tokens\": 200}", &error) : NULL;
  hearth_reply* reply = chat ? hearth_chat_say(chat, "Why is the sky blue?", &events, NULL, &error) : NULL;
  puts(reply ? hearth_reply_text(reply) : error.message);

  const int said = reply != NULL;
  hearth_reply_free(reply);
  hearth_chat_close(chat);
  hearth_model_close(model);
  return said;
}

int docs_c_care(void) {
  hearth_error error = {.size = sizeof error};

  hearth_model_options options = {.size = sizeof options};
  options.journal_folder = "/data/app/loads"; /* of the app's own; small files */
  options.max_memory_bytes = 2000000000;      /* an app's share of a phone */
  hearth_model* model = hearth_model_open("model.gguf", &options, &error);

  hearth_model_close(model);
  return model != NULL;
}
