import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { hasShutDown } from './disk-probe.ts';

const MOUNTINFO = `27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
51 27 7:0 / /mnt/disk rw,relatime - ext4 /dev/loop0 rw,abort,emergency_ro
52 27 8:1 / /mnt/emergency_ro rw shared:2 master:1 - ext4 /dev/shutdown rw,errors=remount-ro
53 27 259:300 /sub /mnt/nvme rw - ext4 /dev/nvme0n1p1 rw,shutdown
`;

test.for([
  ['one that is well', 0xfe00, false],
  ['one that has found damage', 0x0700, true],
  ['one at a place of that name', 0x0801, false],
  ['a large number', 0x11032c, true],
  ['one that is not mounted', 0x0802, false],
] as const)('for %s, mountinfo shows whether the kernel has shut the file system down', ([, device, expected]) => {
  expect(hasShutDown(MOUNTINFO, device)).toBe(expected);
});

test('any mount list yields an answer', () => {
  const next = random(7);
  for (let round = 0; round < 500; round += 1) {
    const at = Math.floor(next() * MOUNTINFO.length);
    const text =
      MOUNTINFO.slice(0, at) +
      String.fromCharCode(Math.floor(next() * 128)).repeat(Math.floor(next() * 4)) +
      MOUNTINFO.slice(at + Math.floor(next() * 9));
    expect(typeof hasShutDown(text, 0x0700)).toBe('boolean');
  }
});
