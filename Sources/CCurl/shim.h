// What Swift cannot call by itself: libcurl's variadic setters and getters, one function per type of value.
#pragma once
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline CURLcode curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline long curl_get_long(CURL *handle, CURLINFO information) {
  long value = 0;
  curl_easy_getinfo(handle, information, &value);
  return value;
}

struct curl_callbacks {
  void *context;  // handed to every callback
  curl_write_callback header;
  curl_write_callback write;
  curl_read_callback read;
  curl_seek_callback seek;
  curl_opensocket_callback open_socket;
  curl_prereq_callback before_request;
};

static inline void curl_set_callbacks(CURL *handle, const struct curl_callbacks *callbacks) {
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, callbacks->header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, callbacks->context);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, callbacks->write);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, callbacks->context);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, callbacks->read);
  curl_easy_setopt(handle, CURLOPT_READDATA, callbacks->context);
  curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, callbacks->seek);
  curl_easy_setopt(handle, CURLOPT_SEEKDATA, callbacks->context);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, callbacks->open_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, callbacks->context);
  curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, callbacks->before_request);
  curl_easy_setopt(handle, CURLOPT_PREREQDATA, callbacks->context);
}

static inline curl_socket_t curl_open_socket(const struct curl_sockaddr *address) {
  return socket(address->family, address->socktype | 02000000 /* SOCK_CLOEXEC */, address->protocol);
}

// Copies the 4 or 16 bytes of an internet address; returns how many, 0 for another family.
static inline int curl_address_bytes(const struct curl_sockaddr *target, unsigned char *bytes) {
  const struct sockaddr *address = &target->addr;
  if (address->sa_family == AF_INET) {
    memcpy(bytes, &((const struct sockaddr_in *)address)->sin_addr, 4);
    return 4;
  }
  if (address->sa_family == AF_INET6) {
    memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
    return 16;
  }
  return 0;
}

// The same of a numeric text.
static inline int curl_address_of_text(const char *text, unsigned char *bytes) {
  if (inet_pton(AF_INET, text, bytes) == 1) return 4;
  return inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

// The finished transfer, or NULL when there is no more news.
static inline CURL *curl_next_done(CURLM *multi, CURLcode *result) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left))) {
    if (message->msg == CURLMSG_DONE) {
      *result = message->data.result;
      return message->easy_handle;
    }
  }
  return NULL;
}
