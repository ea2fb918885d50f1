#!/bin/busybox sh
# shellcheck shell=dash
# The first program of the virtual machine, in the initial ram disk: modules, the root disk, onwards.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

end() {
	echo "check-vm: $*"
	echo o >/proc/sysrq-trigger
	reboot -f
}

for m in virtio_mmio virtio_blk ext4 overlay; do
	modprobe "$m" 2>/dev/null # built in, or missed below
done

# The order of the disks is not the order they were named in: the serial number tells.
disk() {
	local d
	for _ in $(seq 100); do
		for d in /sys/block/vd*; do
			if [ "$(cat "$d/serial" 2>/dev/null)" = "$1" ]; then
				echo "/dev/${d##*/}"
				return
			fi
		done
		sleep 0.1
	done
}

root=$(disk root)
[ -n "$root" ] || end "there is no root disk"
mount -t ext4 "$root" /new || end "the root disk does not mount"
mkdir -p /new/lib/modules
mount -t tmpfs modules /new/lib/modules
cp -a /lib/modules/* /new/lib/modules/
mkdir -p /new/project
mount -t tmpfs -o mode=0755 project /new/project
tar -xf "$(disk project)" -C /new/project || end "the project's disk does not unpack"
umount /sys
umount /proc
mount --move /dev /new/dev
if [ -e /new/project/systemd ]; then
	cp /new/project/tests/vm/check-vm.service /new/etc/systemd/system/
	exec switch_root /new /lib/systemd/systemd
fi
exec switch_root /new /project/tests/vm/guest
