#include "mongo/tls_look.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include "mongo/handles.h"
#include "mongo/tls_names.h"

namespace readygate::mongo {

namespace {

using Context = std::unique_ptr<SSL_CTX, Destroy<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Destroy<SSL_free>>;
using Certificate = std::unique_ptr<X509, Destroy<X509_free>>;

// The passphrase of the URI's key, or none: OpenSSL's own way of asking would read from the terminal.
struct Passphrase {
  const std::string* text;
  bool asked_for = false;
};

int give_passphrase(char* buffer, int size, int /*writing*/, void* given) {
  auto* const passphrase = static_cast<Passphrase*>(given);
  if (!passphrase) return 0;
  passphrase->asked_for = true;
  const std::string& text = *passphrase->text;
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return 0;
  text.copy(buffer, text.size());
  return static_cast<int>(text.size());
}

std::string error_words() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason ? reason : "no reason is given";
}

std::string key_problem(SSL_CTX* context, const TlsOptions& options) {
  Passphrase passphrase{&options.key_password.reveal()};
  SSL_CTX_set_default_passwd_cb(context, give_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, &passphrase);
  std::string problem;
  if (SSL_CTX_use_certificate_chain_file(context, options.key_file.c_str()) != 1) {
    problem = fmt::format("its certificate cannot be read ({})", error_words());
  } else if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH) {
      problem = "its key is not that of its certificate";
    } else if (passphrase.asked_for) {
      problem = options.key_password.empty()
                    ? "its key is encrypted, and the URI has no tlsCertificateKeyFilePassword"
                    : "its key is encrypted, and tlsCertificateKeyFilePassword of the URI does not open it";
    } else {
      problem = fmt::format("its key cannot be read ({})", error_words());
    }
  }
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  return problem.empty() ? "" : fmt::format("tlsCertificateKeyFile of the URI names {}: {}", options.key_file, problem);
}

std::string load_files(SSL_CTX* context, const TlsOptions& options) {
  if (!options.key_file.empty()) {
    if (std::string problem = key_problem(context, options); !problem.empty()) return problem;
  }
  if (options.ca_file.empty() || SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) == 1) {
    return "";
  }
  return fmt::format("tlsCAFile of the URI names {}: its certificates cannot be read ({})", options.ca_file,
                     error_words());
}

// One handshake: bytes between a socket and OpenSSL, until an end is known. OpenSSL itself never touches the socket: it
// would write without MSG_NOSIGNAL.
class TlsHandshake {
 public:
  TlsHandshake(int socket, const std::string& host, const std::string& shown, const TlsOptions& options, Millis limit)
      : socket_(socket), host_(host), options_(options), limit_(limit), deadline_(Now::now() + limit) {
    seen_.facts.server = shown;
    seen_.facts.name = host;
    seen_.facts.file = options.key_file;
    seen_.facts.now = date_of(std::time(nullptr));
    seen_.facts.known = options.ca_file.empty() ? "the authorities that this system trusts"
                                                : fmt::format("those of tlsCAFile in the URI ({})", options.ca_file);
  }

  std::optional<TlsSeen> look() {
    ERR_clear_error();
    if (std::string problem = prepare(); !problem.empty()) {
      seen_.facts.detail = std::move(problem);
      return found(TlsFinding::kOwnFile);
    }
    const End end = converse([this] { return SSL_connect(ssl_.get()); });
    if (end != End::kDone) return failed(end);
    if (!asked_) return std::nullopt;
    // The server has our certificate, or none, and says now what it thinks of that. Silence is consent.
    deadline_ = Now::now() + limit_ / 2;
    char byte = 0;
    const End answer = converse([&] { return SSL_read(ssl_.get(), &byte, 1); });
    return answer == End::kDone || answer == End::kSilent ? std::nullopt : failed(answer);
  }

 private:
  using Now = std::chrono::steady_clock;
  enum class End { kDone, kFailed, kClosed, kSilent };

  std::optional<TlsSeen> found(TlsFinding finding) {
    seen_.finding = finding;
    ERR_clear_error();
    return std::move(seen_);
  }

  std::string prepare() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return "OpenSSL cannot be used";
    // As libmongoc has it.
    SSL_CTX_set_cipher_list(context_.get(), "HIGH:!EXPORT:!aNULL@STRENGTH");
    if (std::string problem = load_files(context_.get(), options_); !problem.empty()) return problem;
    if (options_.ca_file.empty()) SSL_CTX_set_default_verify_paths(context_.get());
    SSL_CTX_set_verify(context_.get(), options_.any_certificate ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, verified);
    SSL_CTX_set_info_callback(context_.get(), heard);
    SSL_CTX_set_cert_cb(
        context_.get(),
        [](SSL*, void* self) {
          static_cast<TlsHandshake*>(self)->asked_ = true;
          return 1;
        },
        this);
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    if (!ssl_ || !in_ || !out_) return "OpenSSL has no memory";
    SSL_set_bio(ssl_.get(), in_, out_);
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_ex_data(ssl_.get(), 0, this);
    std::string name = host_;  // what SSL_set_tlsext_host_name() does, with a cast of its own
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (!options_.any_host) {
      X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl_.get());
      X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host_.c_str()) != 1) {
        X509_VERIFY_PARAM_set1_host(wanted, host_.c_str(), 0);
      }
    }
    return "";
  }

  // Until the step succeeds, or cannot.
  template <typename Step>
  End converse(Step step) {
    for (;;) {
      ERR_clear_error();
      const int result = step();
      const int error = SSL_get_error(ssl_.get(), result);
      send_pending();
      if (result == 1) return End::kDone;
      if (error == SSL_ERROR_ZERO_RETURN) return End::kClosed;
      if (error != SSL_ERROR_WANT_READ) return End::kFailed;
      if (const auto end = receive()) return *end;
    }
  }

  Millis left() const { return std::max(Millis(0), std::chrono::duration_cast<Millis>(deadline_ - Now::now())); }

  bool ready(short events) const {
    pollfd waiting{socket_, events, 0};
    for (;;) {
      const int count = ::poll(&waiting, 1, static_cast<int>(left().count()));
      if (count >= 0 || errno != EINTR) return count > 0;
    }
  }

  // What cannot be sent is no end: the server may have said why before it closed.
  void send_pending() {
    std::array<char, 4096> buffer{};
    for (int size = 0; (size = BIO_read(out_, buffer.data(), static_cast<int>(buffer.size()))) > 0;) {
      for (int sent = 0; sent < size;) {
        const ssize_t part =
            ::send(socket_, buffer.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (part > 0) {
          sent += static_cast<int>(part);
        } else if (!(errno == EINTR || ((errno == EAGAIN || errno == EWOULDBLOCK) && ready(POLLOUT)))) {
          return;
        }
      }
    }
  }

  std::optional<End> receive() {
    std::array<unsigned char, 4096> buffer{};
    for (;;) {
      if (!ready(POLLIN)) return End::kSilent;
      const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
      if (size <= 0) return End::kClosed;
      // A record of type alert (21) or handshake (22), then the major version, which is 3 for all of TLS.
      if (!anything_came_) no_tls_ = (buffer[0] != 21 && buffer[0] != 22) || (size > 1 && buffer[1] != 3);
      anything_came_ = true;
      BIO_write(in_, buffer.data(), static_cast<int>(size));
      return std::nullopt;
    }
  }

  // --------------------------------------------------------------------------------------------- told by OpenSSL

  static int verified(int good, X509_STORE_CTX* store) {
    const auto* const ssl =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const self = static_cast<TlsHandshake*>(SSL_get_ex_data(ssl, 0));
    if (good != 1 && self->error_ == X509_V_OK) {
      self->error_ = X509_STORE_CTX_get_error(store);
      self->depth_ = X509_STORE_CTX_get_error_depth(store);
      self->faulty_ = copied(X509_STORE_CTX_get_current_cert(store));
      self->leaf_ = copied(X509_STORE_CTX_get0_cert(store));
    }
    return good;
  }

  static Certificate copied(X509* certificate) {
    if (certificate) X509_up_ref(certificate);
    return Certificate(certificate);
  }

  static void heard(const SSL* ssl, int what, int value) {
    if ((what & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT) return;
    const int description = value & 0xff;
    if (description != SSL_AD_CLOSE_NOTIFY) static_cast<TlsHandshake*>(SSL_get_ex_data(ssl, 0))->alert_ = description;
  }

  // ------------------------------------------------------------------------------------------------ what it means

  std::optional<TlsSeen> failed(End end) {
    if (no_tls_) return found(TlsFinding::kPlainServer);
    if (error_ != X509_V_OK) return certificate();
    if (alert_) return alert(*alert_);
    if (end == End::kSilent) return found(TlsFinding::kSilent);
    if (end == End::kClosed) return asked_ ? refused("the connection was closed") : found(TlsFinding::kClosed);
    seen_.facts.detail = error_words();
    const unsigned long code = ERR_peek_last_error();
    const bool ours = ERR_GET_LIB(code) == ERR_LIB_SSL;
    const int reason = ERR_GET_REASON(code);
    const bool nothing = ours && (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION ||
                                  reason == SSL_R_NO_CIPHERS_AVAILABLE || reason == SSL_R_DH_KEY_TOO_SMALL);
    return found(nothing ? TlsFinding::kNothingInCommon : TlsFinding::kOther);
  }

  std::optional<TlsSeen> certificate() {
    TlsFacts& facts = seen_.facts;
    facts.which = fmt::format("the certificate of {}", facts.server);
    if (depth_ > 0 && faulty_) {
      facts.which = fmt::format("{}, an authority above the certificate of {},",
                                name_of(X509_get_subject_name(faulty_.get())), facts.server);
    }
    switch (error_) {
      case X509_V_ERR_CERT_HAS_EXPIRED:
        facts.date = date_of(faulty_ ? X509_get0_notAfter(faulty_.get()) : nullptr);
        return found(TlsFinding::kExpired);
      case X509_V_ERR_CERT_NOT_YET_VALID:
        facts.date = date_of(faulty_ ? X509_get0_notBefore(faulty_.get()) : nullptr);
        return found(TlsFinding::kNotYetValid);
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH: facts.names = names_of(leaf_.get()); return found(TlsFinding::kWrongHost);
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return found(TlsFinding::kSelfSigned);
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // another authority of the same name
      case X509_V_ERR_CERT_UNTRUSTED:
        facts.issuer = faulty_ ? name_of(X509_get_issuer_name(faulty_.get())) : "an authority without a name";
        return found(TlsFinding::kUnknownIssuer);
      case X509_V_ERR_CERT_REVOKED: return found(TlsFinding::kRevoked);
      default: facts.detail = X509_verify_cert_error_string(error_); return found(TlsFinding::kOtherCertificate);
    }
  }

  std::optional<TlsSeen> alert(int number) {
    std::string words = SSL_alert_desc_string_long(number);
    std::replace(words.begin(), words.end(), ' ', '_');  // as RFC 8446 writes them
    seen_.facts.alert = fmt::format("alert {} ({})", number, words);
    if (number == SSL_AD_INTERNAL_ERROR) return found(TlsFinding::kInternalError);
    if (asked_) return refused(seen_.facts.alert);
    seen_.facts.detail = seen_.facts.alert;
    switch (number) {
      case SSL_AD_UNRECOGNIZED_NAME: return found(TlsFinding::kUnknownName);
      case SSL_AD_HANDSHAKE_FAILURE:
      case SSL_AD_PROTOCOL_VERSION:
      case SSL_AD_INSUFFICIENT_SECURITY: return found(TlsFinding::kNothingInCommon);
      default: return found(TlsFinding::kOtherAlert);
    }
  }

  // The server asked for a certificate, and ends it after it has our answer.
  std::optional<TlsSeen> refused(std::string how) {
    if (options_.key_file.empty()) return found(TlsFinding::kCertificateWanted);
    seen_.facts.alert = std::move(how);
    const X509* const own = SSL_get_certificate(ssl_.get());
    const ASN1_TIME* const until = own ? X509_get0_notAfter(own) : nullptr;
    if (!until || X509_cmp_current_time(until) >= 0) return found(TlsFinding::kOwnRefused);
    seen_.facts.date = date_of(until);
    return found(TlsFinding::kOwnExpired);
  }

  const int socket_;
  const std::string& host_;
  const TlsOptions& options_;
  const Millis limit_;
  Now::time_point deadline_;
  Context context_;
  Connection ssl_;
  BIO* in_ = nullptr;  // both belong to ssl_
  BIO* out_ = nullptr;
  bool asked_ = false;  // the server wants to see a certificate
  bool anything_came_ = false;
  bool no_tls_ = false;
  std::optional<int> alert_;
  int error_ = X509_V_OK;
  int depth_ = 0;
  Certificate faulty_;
  Certificate leaf_;
  TlsSeen seen_;
};

}  // namespace

std::optional<TlsSeen> look_at_tls(int socket, const std::string& host, const std::string& shown,
                                   const TlsOptions& options, Millis limit) {
  return TlsHandshake(socket, host, shown, options, limit).look();
}

std::string tls_files_problem(const TlsOptions& options) {
  if (options.key_file.empty() && options.ca_file.empty()) return "";
  ERR_clear_error();
  const Context context(SSL_CTX_new(TLS_client_method()));
  std::string problem = context ? load_files(context.get(), options) : "";
  ERR_clear_error();
  return problem;
}

}  // namespace readygate::mongo
