#include "mongo/tls_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace readygate::mongo {

namespace {

using core::Domain;

// Domain::kTls is retried: most of it is mended on the server's side. kTlsFile is for what only a file of ours can
// mend.
constexpr std::array kRules{
    TlsRule{TlsFinding::kExpired, Domain::kTls, "{which} expired on {date}; here it is {now}",
            "the server's certificate, or one above it, is out of date",
            "Renew it, and let the server load the new one. If the time here is wrong, correct this machine's clock."},
    TlsRule{TlsFinding::kNotYetValid, Domain::kTls, "{which} is not valid before {date}; here it is {now}",
            "this machine's clock is behind, or that of the machine that made the certificate was ahead",
            "Correct the clock that is wrong; else it passes by itself at that time."},
    TlsRule{TlsFinding::kWrongHost, Domain::kTls, "the certificate of {server} is for {names}, and not for {name}",
            "the URI names the server otherwise than its certificate does",
            "Write one of these names into the URI, or have a certificate made for {name}. For a tunnel or "
            "port-forward whose other end you trust, set tlsAllowInvalidHostnames=true."},
    TlsRule{TlsFinding::kUnknownIssuer, Domain::kTls,
            "the certificate of {server} is signed by {issuer}, which is not among {known}",
            "the authority is not known here, or the server leaves out a certificate between",
            "Set tlsCAFile in the URI to a PEM file with that authority's certificate; if it is in there, let the "
            "server send the certificates between too."},
    TlsRule{TlsFinding::kSelfSigned, Domain::kTls,
            "the certificate of {server} is signed by itself, and it is not among {known}",
            "no authority stands behind the server's certificate",
            "Set tlsCAFile in the URI to a PEM file with this certificate, or give the server one that an authority "
            "signed."},
    TlsRule{TlsFinding::kRevoked, Domain::kTls,
            "the certificate of {server} is revoked, or the answer of OCSP about it does not hold",
            "the authority has taken the certificate back, or the server staples a wrong or old answer",
            "Renew the server's certificate; if it was not revoked, restart the server so that it fetches a new "
            "answer."},
    TlsRule{TlsFinding::kOtherCertificate, Domain::kTls,
            "OpenSSL does not accept the certificate of {server}: {detail}", "the certificate has another fault",
            "Give the server a certificate without that fault, signed by an authority that tlsCAFile holds."},
    TlsRule{TlsFinding::kCertificateWanted, Domain::kTls, "{server} wants a client certificate, and the URI names none",
            "the server lets in only who has a certificate",
            "Set tlsCertificateKeyFile in the URI to a PEM file with a certificate and its key that the server's "
            "authority signed, or let the server allow connections without certificates."},
    TlsRule{TlsFinding::kOwnExpired, Domain::kTlsFile,
            "{server} refuses the client certificate of {file}: it expired on {date}; here it is {now}",
            "the client certificate is out of date",
            "Renew the certificate in that file; a changed file is picked up without a restart."},
    TlsRule{TlsFinding::kOwnRefused, Domain::kTls, "{server} refuses the client certificate of {file} ({alert})",
            "the server does not trust the authority that signed it, or not for clients",
            "Have the client certificate signed by an authority in the server's CA file; the server's log has the "
            "reason."},
    TlsRule{TlsFinding::kOwnFile, Domain::kTlsFile, "a TLS file of the URI cannot be used: {detail}",
            "it cannot be read, or its key does not fit",
            "Correct that file, or what the URI says of it; a changed file is picked up without a restart."},
    TlsRule{TlsFinding::kInternalError, Domain::kTls, "{server} ended the TLS handshake with alert 80 (internal_error)",
            "a provider answers so to an address that is not on its access list",
            "MongoDB Atlas and other providers do that to a client whose address is not on their access list: add the "
            "address that this machine has towards the Internet. Elsewhere look at the server's log."},
    TlsRule{TlsFinding::kUnknownName, Domain::kTls, "{server} knows no server called {name} ({alert})",
            "the server, or a proxy before it, chooses by the name that it is called by",
            "Write the name into the URI that the provider or the proxy has for the database."},
    TlsRule{TlsFinding::kNothingInCommon, Domain::kTls,
            "{server} and the OpenSSL here have no version of TLS or no cipher in common ({detail})",
            "one side is too old, or too strict",
            "Let the server offer TLS 1.2 or later, with ciphers that are not outdated."},
    TlsRule{TlsFinding::kOtherAlert, Domain::kTls, "{server} ended the TLS handshake with {alert}",
            "the server does not want to go on", "Look at the server's log: it has the reason."},
    TlsRule{TlsFinding::kPlainServer, Domain::kTls, "{server} does not speak TLS, and the URI asks for it (tls=true)",
            "the server has TLS turned off, or the port is another one's",
            "Take tls=true out of the URI (with mongodb+srv:// write tls=false), or turn TLS on at the server; and "
            "check the port."},
    TlsRule{TlsFinding::kPlainUri, Domain::kTls, "{server} speaks TLS, and the URI does not ask for it (tls=true)",
            "the server wants TLS",
            "Set tls=true in the URI, and tlsCAFile where an authority of your own signed the server's certificate."},
    TlsRule{TlsFinding::kSilent, Domain::kStreamTimeout,
            "{server} accepts connections and does not answer a TLS handshake",
            "the server hangs, or another one listens there",
            "Check that the port is the database's, and that no proxy or firewall holds packets back."},
    TlsRule{TlsFinding::kClosed, Domain::kTls,
            "{server} closes the connection in the middle of the TLS handshake, without a reason",
            "a proxy, a load balancer without a server behind it, or a firewall ended it",
            "Look at the log of the server and of what stands before it. A provider may do that to an address that is "
            "not on its access list."},
    TlsRule{TlsFinding::kOther, Domain::kTls, "the TLS handshake with {server} failed: {detail}",
            "OpenSSL found something else", "Look at the server's log too."},
};

std::string filled(std::string_view text, const TlsFacts& facts) {
  return fmt::format(fmt::runtime(text), fmt::arg("server", facts.server), fmt::arg("name", facts.name),
                     fmt::arg("which", facts.which), fmt::arg("date", facts.date), fmt::arg("now", facts.now),
                     fmt::arg("names", facts.names), fmt::arg("issuer", facts.issuer), fmt::arg("known", facts.known),
                     fmt::arg("alert", facts.alert), fmt::arg("file", facts.file), fmt::arg("detail", facts.detail));
}

}  // namespace

std::span<const TlsRule> tls_rules() { return kRules; }

core::Failure tls_failure(TlsFinding finding, const TlsFacts& facts) {
  const TlsRule* const rule =
      std::find_if(kRules.begin(), kRules.end() - 1, [&](const TlsRule& each) { return each.finding == finding; });
  return {rule->domain, 0, core::Doing::kConnect, filled(rule->sentence, facts), {}, filled(rule->advice, facts)};
}

}  // namespace readygate::mongo
