# Run by U-Boot, which the firmware starts. One sector of the space before the first partition has the choice of the system
# as text: `system` works, `trial` is started once instead. Anything else means system a.
setenv system
setenv trial
${devtype} dev ${devnum}
${devtype} read ${kernel_addr_r} 800 1 && env import -t ${kernel_addr_r} 200 system trial
if test "${system}" != b; then
	setenv system a
fi

# Takes the kernel's command line from the firmware, because it has the id of the disk.
fdt addr ${fdt_addr}
fdt get value line /chosen bootargs
setexpr initrd_addr ${kernel_addr_r} + 4000000
setenv start 'echo "Perch: system ${one}"; setenv bootargs "${line} perch.system=${one}"; load ${devtype} ${devnum}:${number} ${kernel_addr_r} /boot/vmlinuz && load ${devtype} ${devnum}:${number} ${initrd_addr} /boot/initrd.img && booti ${kernel_addr_r} ${initrd_addr}:${filesize} ${fdt_addr}'
setenv start_a 'setenv one a; setenv number 2; run start'
setenv start_b 'setenv one b; setenv number 3; run start'

if test "${trial}" = a || test "${trial}" = b; then
	setenv one ${trial}
	setenv trial
	mw.b ${kernel_addr_r} 0 200
	env export -t -s 200 ${kernel_addr_r} system
	# Starts the trial only if the choice without it was written, so at most once.
	${devtype} write ${kernel_addr_r} 800 1 && run start_${one}
fi
run start_${system}
# Reached if the chosen system cannot be read: starts the other one.
run start_a
run start_b
sleep 10
reset
