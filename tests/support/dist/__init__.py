"""What people install, made without a registry and twice the same: `./dev dist`.

    deb        packages of each Debian release: programs, manual pages, unit; the C library
    portable   a tarball whose programs need glibc 2.36 and nothing else
    image      the container image
    charts     the Helm charts, and an OCI layout of them
    clients    a wheel and sources for Python, packages for Node.js and Go
    sums       SHA256SUMS and an SBOM of all of it

Everything is left in dist/, and every date in it is that of the last commit.
"""
