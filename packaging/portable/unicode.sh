# An object with the symbol of libicudata.a (icudt72_dat) and, of its data, what SASLprep needs: its own table and that of
# the normalization NFKC.
#   unicode.sh LIBICUDATA.A UNICODE.S OUTPUT SCRATCH
set -eu
archive=$1 source=$2 output=$3 scratch=$4
PATH=$PATH:/usr/sbin # icupkg
rm -rf "$scratch" && mkdir -p "$scratch/all" "$scratch/one"
member=$(ar t "$archive" | head -n 1)
symbol=$(nm "$archive" | awk '$2 == "R" { print $3 }')
package=${member%_dat.o}.dat # its name becomes the prefix of what is in it, and ICU asks for that
ar p "$archive" "$member" >"$scratch/$member"
objcopy -O binary -j .rodata "$scratch/$member" "$scratch/all/$package"
printf '%s\n' nfkc.nrm rfc4013.spp >"$scratch/wanted.lst"
cd "$scratch"
icupkg -x wanted.lst -d . "all/$package"
icupkg -s . -a wanted.lst new "one/$package"
cd "$OLDPWD"
cc -c -DNAME="$symbol" -DDATA="\"$scratch/one/$package\"" "$source" -o "$output"
