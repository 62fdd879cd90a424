# run last, in OUT/bin, as everything is made: who may do what with a file. (A chmod for all comes before.)
chmod 644 {elf-noxbit,sh-noxbit}/prog
chmod 000 {c-unreadable,m-lib-closed}/lib/libf.so d-closed-then-good/bad/libf.so
chown 65534 d-setuid-other-llp/prog
chmod 4755 {c-setuid-*,d-needed-origin-setuid,d-preload-setuid*,d-libpath-setuid,d-setuid-*,m-setuid-llp,d-sh-setuid}/prog
chmod 2755 d-setgid-llp/prog; chmod 2745 d-setgid-noexec/prog
chmod 711 {d-mode711,d-sh-unreadable}/prog d-interp-mode/ld.so
chmod 700 d-mode700/prog d-mode-dir700/in d-closed-dir/lib d-interp-closed/in
chmod 070 d-mode070/prog; chmod 007 d-mode007/prog; chmod 001 {d-mode001,d-mode-root001}/prog
