// ICU's table of contents with what unicode.sh takes out of libicudata.a.
.section .rodata
.globl NAME
.balign 16
.type NAME, @object
NAME:
.incbin DATA
.size NAME, .-NAME
.section .note.GNU-stack,"",@progbits
