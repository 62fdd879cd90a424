#!/bin/bash
# boot.sh TREE SYSTEMD: boots the tree's systemd as PID 1 of namespaces of its own, until its all.target is done or 120 s are over.
# A control group of its own in the unified hierarchy, without controllers, keeps it from everything else.
set -eu
export T=$1 S=$2
cg=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)
[ -n "$cg" ] || { echo "no unified hierarchy of control groups"; exit 1; }
own=$cg$(sed -n 's/^0:://p' /proc/self/cgroup)/willrun-$$
mkdir "$own"
trap 'sleep 0.3; find "$own" -depth -type d -exec rmdir {} + 2>/dev/null || true' EXIT
inner() {
  set -eu
  mount --make-rprivate /; mount --rbind "$T" "$T"; cd "$T"
  mkdir -p tmp/run; cp -a run/. tmp/run/
  mount -t tmpfs none run; cp -a tmp/run/. run/
  mount -t tmpfs none dev; for n in null zero full random urandom tty; do touch dev/$n; mount --bind /dev/$n dev/$n; done
  touch dev/console tmp/console; mount --bind tmp/console dev/console
  mount -t tmpfs none sys; mkdir -p sys/fs/cgroup; mount -t cgroup2 none sys/fs/cgroup
  mount -t proc proc proc; mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
  mkdir -p old; pivot_root . old; cd /
  for d in /old/usr/lib/*-linux-gnu; do :; done
  LD_LIBRARY_PATH=$d /old/usr/bin/umount -l /old
  for v in $(compgen -e); do export -n "$v"; done
  container=other exec "$S" --system --unit=all.target --log-target=console --log-level=info --show-status=0
}
export -f inner
(
  echo 0 > "$own/cgroup.procs"
  exec timeout -s KILL 120 unshare -m -p -f --kill-child -u -i -n -C bash -c inner
) || true
cat "$T/tmp/console"
