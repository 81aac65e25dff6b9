// Of a certificate what a person is shown: dates and names. The names are the server's words, so they are cut short and
// hold nothing that a terminal would act on.
#pragma once

#include <ctime>
#include <string>

#include <openssl/x509.h>

namespace readygate::mongo {

std::string date_of(std::time_t time);          // "2026-11-30 23:15 UTC"
std::string date_of(const ASN1_TIME* time);     // null, or one that cannot be read: "an unknown date"
std::string name_of(const X509_NAME* name);     // "CN=Example CA,O=Example", as RFC 2253 writes it
std::string names_of(const X509* certificate);  // that it is for: "db.example, 10.0.0.1"

}  // namespace readygate::mongo
