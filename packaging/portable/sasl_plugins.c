// Debian's libsasl2.a holds every plug-in of Cyrus SASL, and with some of them Kerberos, LDAP, Berkeley DB and three
// SQL clients, for which there are no static libraries. These are none in the portable program: libsasl2 goes on to the
// next plug-in when one answers so. PLAIN stays; SCRAM and X.509 are libmongoc's own.
#include <sasl/sasl.h>

#define LEFT_OUT(plugin) \
  int plugin(void);      \
  int plugin(void) { return SASL_NOMECH; }

LEFT_OUT(gssapiv2_client_plug_init)
LEFT_OUT(gssapiv2_server_plug_init)
LEFT_OUT(ldapdb_auxprop_plug_init)
LEFT_OUT(sasldb_auxprop_plug_init)
LEFT_OUT(sql_auxprop_plug_init)
