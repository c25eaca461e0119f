/* A conversation in C: `chat MODEL "Why is the sky blue?" "And at night?"` */
#include <stdio.h>

#include "hearth/hearth.h"

static int show(void* user, const char* text, size_t n_bytes) {
  (void)user;
  fwrite(text, 1, n_bytes, stdout);
  return fflush(stdout); /* 0: go on */
}

int main(int argc, char** argv) {
  hearth_error error = {.size = sizeof error};
  hearth_model_options options = {.size = sizeof options};
  hearth_events events = {.size = sizeof events, .text = show};
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL TEXT...\n", argv[0]);
    return 2;
  }
  hearth_model* model = hearth_model_open(argv[1], &options, &error);
  hearth_chat* chat = model ? hearth_chat_open(model, "{\"max_tokens\": 200}", &error) : NULL;
  for (int i = 2; chat && i < argc; ++i) {
    hearth_reply* reply = hearth_chat_say(chat, argv[i], &events, NULL, &error);
    if (!reply) break;
    printf("\n[%s]\n", hearth_reply_reason(reply));
    hearth_reply_free(reply);
  }
  if (chat) hearth_chat_close(chat);
  if (model) hearth_model_close(model);
  if (error.code) fprintf(stderr, "%s\n", error.message);
  return error.code ? 1 : 0;
}
