// What Swift cannot call by itself: libmicrohttpd's variadic functions, or-ed closed enums and cast macros.
#pragma once
// No _GNU_SOURCE: it renames a member of fd_set, which then clashes with the definition other modules have.
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct microhttpd_settings {
  const char *address;            // numeric IPv4 or IPv6
  uint16_t port;                  // 0 picks a free one
  unsigned int threads;           // at least 2: a single worker can stall
  unsigned int connections;
  unsigned int connections_per_address;
  unsigned int timeout_seconds;
  size_t memory_per_connection;
  void *context;                  // handed to every callback
  MHD_AccessHandlerCallback handle;
  void *(*begin)(void *, const char *, struct MHD_Connection *);
  MHD_RequestCompletedCallback complete;
};

// Paths and queries stay as the client sent them: they are decoded once, by the caller.
static inline size_t microhttpd_keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
  (void)context;
  (void)connection;
  return strlen(text);
}

// libmicrohttpd would print to stderr what clients do wrong.
static inline void microhttpd_discard_log(void *context, const char *format, va_list arguments) {
  (void)context;
  (void)format;
  (void)arguments;
}

static inline int microhttpd_socket_address(const char *text, uint16_t port, struct sockaddr_storage *storage) {
  memset(storage, 0, sizeof(*storage));
  struct sockaddr_in *four = (struct sockaddr_in *)storage;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
  if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    return AF_INET;
  }
  if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    return AF_INET6;
  }
  return AF_UNSPEC;
}

// NULL when the address is no numeric address or cannot be bound.
static inline struct MHD_Daemon *microhttpd_start(const struct microhttpd_settings *settings) {
  struct sockaddr_storage address;
  int family = microhttpd_socket_address(settings->address, settings->port, &address);
  if (family == AF_UNSPEC) return NULL;
  unsigned int flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  if (family == AF_INET6) flags |= MHD_USE_IPv6;
  struct MHD_OptionItem options[] = {
      {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)microhttpd_discard_log, NULL},
      {MHD_OPTION_SOCK_ADDR, 0, &address},
      {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)settings->threads, NULL},
      {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connections, NULL},
      {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)settings->connections_per_address, NULL},
      {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)settings->timeout_seconds, NULL},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->memory_per_connection, NULL},
      {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
      {MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024, NULL},
      {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)microhttpd_keep_escapes, NULL},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)settings->begin, settings->context},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)settings->complete, settings->context},
      {MHD_OPTION_END, 0, NULL}};
  return MHD_start_daemon(flags, settings->port, NULL, NULL, settings->handle, settings->context, MHD_OPTION_ARRAY,
                          options, MHD_OPTION_END);
}

static inline uint16_t microhttpd_port(struct MHD_Daemon *daemon) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
  return info ? info->port : 0;
}

static inline int microhttpd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

// Writes the numeric address of the client; returns its port, or -1 when it is unknown.
static inline int microhttpd_client(struct MHD_Connection *connection, char *text, socklen_t size) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (!info || !info->client_addr) return -1;
  if (info->client_addr->sa_family == AF_INET) {
    const struct sockaddr_in *four = (const struct sockaddr_in *)info->client_addr;
    return inet_ntop(AF_INET, &four->sin_addr, text, size) ? ntohs(four->sin_port) : -1;
  }
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)info->client_addr;
  return inet_ntop(AF_INET6, &six->sin6_addr, text, size) ? ntohs(six->sin6_port) : -1;
}

static inline struct MHD_Response *microhttpd_response_of_bytes(const void *bytes, size_t count) {
  return MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}

static inline struct MHD_Response *microhttpd_response_of_reader(MHD_ContentReaderCallback reader, void *context) {
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32 * 1024, reader, context, NULL);
}

static inline enum MHD_Result microhttpd_result(int accepted) { return accepted ? MHD_YES : MHD_NO; }

static inline int microhttpd_queue(struct MHD_Connection *connection, unsigned int status, struct MHD_Response *response) {
  return MHD_queue_response(connection, status, response) == MHD_YES;
}

static inline void microhttpd_each_header(struct MHD_Connection *connection, MHD_KeyValueIterator visit, void *context) {
  MHD_get_connection_values(connection, MHD_HEADER_KIND, visit, context);
}

static inline ssize_t microhttpd_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
static inline ssize_t microhttpd_end_with_error(void) { return MHD_CONTENT_READER_END_WITH_ERROR; }

// Sends without blocking and without SIGPIPE, then closes our side of the connection.
static inline void microhttpd_send_last(int socket, const void *bytes, size_t count) {
  (void)!send(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(socket, SHUT_WR);
}

// Whether the client has closed its side; the socket must still be open.
static inline int microhttpd_peer_closed(int socket) {
  const short peer_closed = 0x2000;  // POLLRDHUP, which the header shows only to _GNU_SOURCE
  struct pollfd watched = {.fd = socket, .events = peer_closed, .revents = 0};
  return poll(&watched, 1, 0) > 0 && (watched.revents & (peer_closed | POLLHUP | POLLERR));
}
