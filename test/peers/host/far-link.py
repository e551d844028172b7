"""A cable to another network namespace that delays and loses packets. The kernel of many machines has no netem.

Usage: far-link.py NAMESPACE DEVICE HOST_IP FAR_IP DELAY_MS LOSS_PERCENT
Prints a line when the cable is there. A line of its input pulls it (`out`) or plugs it in (`in`).
"""

import collections
import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
MTU = 1500

namespace, device, host_ip, far_ip = sys.argv[1:5]
delay_s, loss = float(sys.argv[5]) / 1000, float(sys.argv[6]) / 100


def open_end(name):
    end = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack('16sH', name.encode(), IFF_TUN_NO_PI))
    return end


def ip(*args):
    subprocess.run(['ip', *args], check=True)


near, far = open_end(f'{device}a'), open_end(f'{device}b')
ip('link', 'set', f'{device}b', 'netns', namespace)
ip('addr', 'add', host_ip, 'peer', far_ip, 'dev', f'{device}a')
ip('link', 'set', f'{device}a', 'mtu', str(MTU), 'up')
ip('-n', namespace, 'addr', 'add', far_ip, 'peer', host_ip, 'dev', f'{device}b')
ip('-n', namespace, 'link', 'set', f'{device}b', 'mtu', str(MTU), 'up')
ip('-n', namespace, 'link', 'set', 'lo', 'up')
print('ready', flush=True)

other = {near: far, far: near}
waiting = collections.deque()
is_in = True
while True:
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, end, packet = waiting.popleft()
        try:
            os.write(end, packet)
        except OSError:
            pass  # Its queue is full: the packet is lost.
    rest_s = max(0, waiting[0][0] - now) if waiting else None
    for end in select.select([near, far, sys.stdin], [], [], rest_s)[0]:
        if end is sys.stdin:
            line = sys.stdin.readline()
            if not line:
                sys.exit()
            is_in = line.strip() == 'in'
            print(line.strip(), flush=True)
            continue
        try:
            packet = os.read(end, MTU)
        except BlockingIOError:
            continue
        if is_in and random.random() >= loss:
            waiting.append((time.monotonic() + delay_s, other[end], packet))
